package strict

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// Type is what YAML takes a plain value for. Types may be added up.
type Type int

// The types of a scalar.
const (
	Text Type = 1 << iota
	Number
	Bool
)

// Mismatch is an error of Parse that knows better than Want what was wanted.
type Mismatch struct{ Want, Hint string }

func (m *Mismatch) Error() string { return m.Want }

// Scalar is a single value.
type Scalar[T any] struct {
	// Type is how the value is written. A value from outside is always a text.
	Type Type

	// Want completes "want …", as in "a duration such as 100ms".
	Want string

	// Parse makes a value of the expanded text. Of an error only a [Mismatch] is
	// shown.
	Parse func(text string) (T, error)

	// Show is the value as the file writes it, for the default in the schema; nil
	// for none. The result is nil for a value that is no default.
	Show func(T) any

	// Shape describes the value to editors.
	Shape Schema

	// Secret keeps the value out of messages and excerpts.
	Secret bool

	// Changing is given a value that other files are part of (${file:…}), and a
	// function that expands it again, as the files are then. Nil: such a value is
	// read once.
	Changing func(v T, again func() (string, error)) T
}

// Decode reads a value.
func (s Scalar[T]) Decode(d *Decoder, n Node, into *T) {
	if s.Secret {
		d.hide(n.Node)
	}
	if hint, ok := s.typed(n.Node); !ok {
		d.fault(n, "want "+s.Want+", not "+what(n.Node), hint)
		return
	}
	text, err := expand(n.Value, d.env)
	if err != nil {
		d.fault(n, err.Error(), "")
		return
	}
	v, err := s.Parse(text)
	if err != nil {
		s.mismatch(d, n, err)
		return
	}
	if raw := n.Value; s.Changing != nil && fromFile(raw) {
		env := d.env
		v = s.Changing(v, func() (string, error) { return expand(raw, env) })
	}
	*into = v
}

func (s Scalar[T]) mismatch(d *Decoder, n Node, err error) {
	want, hint := s.Want, ""
	if m, ok := err.(*Mismatch); ok { //nolint:errorlint // never wrapped
		hint = m.Hint
		if m.Want != "" {
			want = m.Want
		}
	}
	switch {
	case s.Secret:
		d.fault(n, "want "+want, "")
	case foreign(n.Value):
		// The hint may be about the value, which is not for display.
		d.fault(n, "want "+want+", which "+clip(n.Value)+" does not hold", "")
	default:
		d.fault(n, "want "+want+", not "+shown(n.Node), hint)
	}
}

// typed reports whether YAML took the value for what it is to be, and what to do
// if it did not.
func (s Scalar[T]) typed(n *yaml.Node) (hint string, ok bool) {
	if n.Kind != yaml.ScalarNode {
		return "", false
	}
	t := typeOf(n)
	switch {
	case t&s.Type != 0:
		return "", true
	case t == Text && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 && !foreign(n.Value):
		return "without quotes", false
	case t == Text:
		return "", true // Parse knows better what is wrong with it
	case t == Number && s.Want == wantDuration:
		return "a duration has a unit: 30s, 100ms", false
	case t != 0 && s.Secret:
		return "in quotes", false
	case t != 0 && s.Type&Text != 0:
		if _, err := s.Parse(n.Value); err == nil {
			return "in quotes: " + clip(n.Value), false
		}
	}
	return "", false
}

func typeOf(n *yaml.Node) Type {
	switch n.Tag {
	case "!!null":
		return 0
	case "!!int", "!!float":
		return Number
	case "!!bool":
		return Bool
	default:
		return Text
	}
}

// shown is a value as the file writes it.
func shown(n *yaml.Node) string {
	if typeOf(n) == Number && len(n.Value) < 30 {
		return n.Value
	}
	return clip(n.Value)
}

// what names the kind of a node in a sentence, without its value.
func what(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "nothing"
	case typeOf(n) == Number:
		return "a number"
	case typeOf(n) == Bool:
		return "true or false"
	default:
		return "a text"
	}
}

// Schema describes the value.
func (s Scalar[T]) Schema(def *T) *Schema {
	shape := s.Shape
	out := &shape
	if constrained := s.Type&Text == 0 || shape.Pattern != "" || shape.Enum != nil; constrained {
		out = &Schema{AnyOf: []*Schema{&shape, outside()}}
	}
	if def != nil && s.Show != nil {
		out.Default = s.Show(*def)
	}
	return out
}

func orList(words []string) string  { return list(words, " or ") }
func andList(words []string) string { return list(words, " and ") }

func list(words []string, last string) string {
	n := len(words) - 1
	if n < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:n], ", ") + last + words[n]
}
