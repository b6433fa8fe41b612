package content

import (
	"encoding/hex"
	"unicode/utf8"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// What a page shows of a body. More is for the command line, or a program.
const (
	MaxShown = 64 << 10 // bytes of a text
	MaxDump  = 8 << 10  // bytes of a dump
)

// The ways to show a body.
const (
	AsTree = "tree"
	AsText = "text"
	AsHex  = "hex"
)

// Body is a body as a page shows it.
type Body struct {
	As     string // tree, text or hex; empty: there is nothing to show, and Why says why
	Ways   []string
	Tree   Node
	Text   string // a text, or a dump
	Why    string
	Size   int // of the body, in bytes
	Shown  int // of these, from the first
	Masked bool
	JSON   bool // it is, as far as it is here
}

// NewBody shows a body in the way that is asked for, or in the one that says most
// of it.
func NewBody(b api.Bytes, as string) Body {
	out := Body{Size: b.Size, Masked: b.Masked}
	switch {
	case b.Hidden != "":
		out.Why = b.Hidden
		return out
	case b.Null:
		out.Why = "It is null: there is no body, which differs from an empty one."
		return out
	case len(b.Raw()) == 0:
		out.Why = "It is empty."
		return out
	}
	raw := b.Raw()
	out.Tree, out.JSON = Tree(raw, !b.Truncated)
	if out.JSON {
		out.Ways = append(out.Ways, AsTree)
	}
	if utf8.Valid(raw) {
		out.Ways = append(out.Ways, AsText)
	}
	out.Ways = append(out.Ways, AsHex)
	out.As = out.Ways[0]
	for _, way := range out.Ways {
		if way == as {
			out.As = as
		}
	}
	out.Shown = len(raw)
	switch out.As {
	case AsText:
		shown := api.NewBytes(raw, MaxShown).Raw()
		out.Text, out.Shown = string(shown), len(shown)
	case AsHex:
		out.Shown = min(len(raw), MaxDump)
		out.Text = hex.Dump(raw[:out.Shown])
	}
	return out
}
