package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

// What is shown of a body on a terminal; -o json has more.
const (
	maxText = 4 << 10
	maxDump = 1 << 10 // of bytes that are no text
)

func newDLQShow() *cobra.Command {
	var a ask
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show a dead letter with its headers and body", Args: one("ID"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			return look(cmd, &a, args[0], (*client.Client).DeadLetter, deadLetterText)
		}),
	}
	a.addRoute(cmd)
	return cmd
}

func deadLetterText(cmd *cobra.Command, d api.DeadLetterDetail) {
	fact(cmd, "dead letter", d.ID)
	fact(cmd, "route", d.Route)
	fact(cmd, "target", d.Target)
	fact(cmd, "key", d.Raw())
	if d.Epoch > 0 {
		fact(cmd, "epoch", fmt.Sprint(d.Epoch))
	}
	fact(cmd, "revision", number(d.Revision))
	fact(cmd, "message id", d.RawID())
	fact(cmd, "reason", d.Reason)
	fact(cmd, "error", d.Error)
	fact(cmd, "group", d.Group)
	if d.Bodiless {
		fact(cmd, "since", instant(d.At))
		fact(cmd, "message", "none: nothing was given up, the key waits for what is missing")
	} else {
		fact(cmd, "attempts", attempts(d.DeadLetter))
		fact(cmd, "given up", instant(d.At))
	}
	if d.InOrder {
		fact(cmd, "order", "it stands in the order of its key: bridge explain KEY says what waits for it")
	}
	fact(cmd, "trace", d.Trace)
	if !d.Bodiless {
		triesText(cmd.OutOrStdout(), d)
		contentText(cmd.OutOrStdout(), d)
	}
}

func contentText(out io.Writer, d api.DeadLetterDetail) {
	if d.Payloads != "" {
		fmt.Fprintf(out, "\npayloads are %s for you\n", d.Payloads)
	}
	fmt.Fprintf(out, "\nheaders\n")
	for _, h := range d.Headers {
		fmt.Fprintf(out, "  %s: %s\n", printable(h.RawName()), printable(headerText(h.Value)))
	}
	if d.HeadersOmitted > 0 {
		fmt.Fprintf(out, "  … and %d more\n", d.HeadersOmitted)
	}
	bodyText(out, d.Body)
}

func attempts(d api.DeadLetter) string {
	text := fmt.Sprint(d.Attempts)
	if d.Class != "" {
		text += ", " + d.Class
	}
	if !d.FirstFailed.IsZero() {
		text += fmt.Sprintf(", from %s to %s", instant(d.FirstFailed), instant(d.LastFailed))
	}
	return text
}

func headerText(b api.Bytes) string {
	if b.Hidden != "" {
		return fmt.Sprintf("(%d bytes)", b.Size)
	}
	if b.Truncated {
		return fmt.Sprintf("%s… (%d bytes)", b.Raw(), b.Size)
	}
	return string(b.Raw())
}

// bodyText shows text as it is, indented so that it cannot be taken for ours, and
// other bytes as a dump.
func bodyText(out io.Writer, b api.Bytes) {
	most := maxText
	if b.Text == nil {
		most = maxDump
	}
	shown := api.NewBytes(b.Raw(), most).Raw()
	switch {
	case b.Hidden != "":
		fmt.Fprintf(out, "\nbody, %d bytes, not shown: %s\n", b.Size, b.Hidden)
	case b.Null:
		fmt.Fprint(out, "\nbody, null\n")
	case b.Masked && (b.Truncated || len(shown) < len(b.Raw())):
		fmt.Fprintf(out, "\nbody, %d bytes, masked, and the first %d of that\n", b.Size, len(shown))
	case b.Masked:
		fmt.Fprintf(out, "\nbody, %d bytes, masked\n", b.Size)
	case len(shown) < b.Size:
		fmt.Fprintf(out, "\nbody, the first %d of %d bytes\n", len(shown), b.Size)
	default:
		fmt.Fprintf(out, "\nbody, %d bytes\n", b.Size)
	}
	switch {
	case len(shown) == 0:
	case b.Text == nil:
		fmt.Fprint(out, indented(hex.Dump(shown)))
	default:
		fmt.Fprint(out, indented(lines(string(shown))))
	}
}

func indented(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}
