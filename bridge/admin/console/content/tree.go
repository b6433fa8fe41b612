package content

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// What a tree shows. More is nothing that somebody reads in one.
const (
	MaxNodes = 2000
	MaxDepth = 40
	MaxText  = 2000 // bytes of a string
	maxOpen  = 4    // steps that are open at first
)

// Node is a value of a JSON document.
type Node struct {
	Name  string // of the member
	Named bool   // it is one
	Kind  string // object, array, string, number or word
	Text  string // of what has no members: a string without its quotes, all others as they stand there
	Kids  []Node
	Items int    // how many members or items were read of it
	Cut   string // why not all of it is here
	Open  bool   // its members are shown at first
}

// Tree reads an object or a list. Members stay in their order, also those of one
// name, and numbers keep their digits. Not whole is a text that was cut off: then
// what there is of it is the tree.
func Tree(text []byte, whole bool) (root Node, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	r := reader{dec: dec, left: MaxNodes}
	root, err := r.value(0)
	if len(root.Kind) == 0 || root.Kind != "object" && root.Kind != "array" {
		return Node{}, false
	}
	if err == nil {
		_, err = dec.Token() // nothing comes behind it
	}
	torn := errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
	return root, errors.Is(err, io.EOF) && whole && !r.torn || !whole && torn
}

type reader struct {
	dec  *json.Decoder
	left int // nodes that may still be read
	torn bool
}

// value reads a value that is so deep.
func (r *reader) value(depth int) (Node, error) {
	token, err := r.dec.Token()
	if err != nil {
		r.torn = true
		return Node{}, err
	}
	r.left--
	switch t := token.(type) {
	case json.Delim:
		return r.group(t, depth)
	case string:
		return leaf(t), nil
	case json.Number:
		return Node{Kind: "number", Text: t.String()}, nil
	case bool:
		return Node{Kind: "word", Text: fmt.Sprint(t)}, nil
	}
	return Node{Kind: "word", Text: "null"}, nil
}

func leaf(text string) Node {
	n := Node{Kind: "string", Text: text}
	if len(text) > MaxText {
		at := MaxText
		for ; !utf8.RuneStart(text[at]); at-- {
		}
		n.Text, n.Cut = text[:at], fmt.Sprintf("%d more bytes", len(text)-at)
	}
	return n
}

// group reads an object or a list behind its first bracket.
func (r *reader) group(first json.Delim, depth int) (Node, error) {
	n := Node{Kind: "array", Open: depth < maxOpen}
	if first == '{' {
		n.Kind = "object"
	}
	for r.dec.More() {
		if depth >= MaxDepth || r.left <= 0 {
			n.Cut = "more than a tree shows"
			return n, r.pass()
		}
		kid, err := r.member(n.Kind == "object", depth)
		if kid.Kind != "" {
			n.Kids = append(n.Kids, kid)
			n.Items++
		}
		if err != nil {
			n.Cut = "cut off here"
			return n, err
		}
	}
	_, err := r.dec.Token()
	if err != nil {
		n.Cut, r.torn = "cut off here", true
	}
	return n, err
}

func (r *reader) member(named bool, depth int) (Node, error) {
	name := ""
	if named {
		token, err := r.dec.Token()
		if err != nil {
			r.torn = true
			return Node{}, err
		}
		name, _ = token.(string)
	}
	n, err := r.value(depth + 1)
	n.Name, n.Named = name, named
	return n, err
}

// pass goes on behind the group that is open.
func (r *reader) pass() error {
	for depth := 1; depth > 0; {
		token, err := r.dec.Token()
		if err != nil {
			r.torn = true
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
	return nil
}
