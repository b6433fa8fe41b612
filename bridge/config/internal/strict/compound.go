package strict

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// List is a list that is not empty.
type List[T any] struct {
	Item Form[T]

	// Single lets one item stand without brackets.
	Single bool

	// Start is an item before it is decoded; nil: the zero value.
	Start func() T

	// Most bounds the number of items; 0: no bound of its own.
	Most int

	// Secretive hides from excerpts what stands in the wrong place, because it may
	// be a secret.
	Secretive bool
}

// Decode reads a list over what is there.
func (l List[T]) Decode(d *Decoder, n Node, into *[]T) {
	*into = nil
	switch {
	case n.Kind == yaml.SequenceNode && len(n.Content) == 0:
		d.fault(n, "the list is empty", "")
	case n.Kind == yaml.SequenceNode && l.Most > 0 && len(n.Content) > l.Most:
		d.fault(n, fmt.Sprintf("want at most %d, not %d", l.Most, len(n.Content)), "")
	case n.Kind == yaml.SequenceNode:
		for i, c := range n.Content {
			path := element(n.Path, i)
			d.places.put(path, nil, c)
			l.item(d, Node{c, path}, into)
		}
	case l.Single:
		l.item(d, n, into)
	default:
		if l.Secretive {
			d.hide(n.Node)
		}
		d.fault(n, "want a list, not "+what(n.Node), "")
	}
}

func (l List[T]) item(d *Decoder, n Node, into *[]T) {
	var v T
	if l.Start != nil {
		v = l.Start()
	}
	l.Item.Decode(d, n, &v)
	*into = append(*into, v)
}

// Schema describes the list.
func (l List[T]) Schema(*[]T) *Schema {
	var def *T
	if l.Start != nil {
		v := l.Start()
		def = &v
	}
	s := &Schema{Type: "array", Items: l.Item.Schema(def), MinItems: 1, MaxItems: l.Most}
	if l.Single {
		return &Schema{AnyOf: []*Schema{l.Item.Schema(def), s}}
	}
	return s
}

// Dict is a mapping whose keys the file chooses. It keeps their order.
type Dict[T any] struct {
	Item Form[T]

	// Start is an item before it is decoded, made of its key, or a [Mismatch].
	Start func(key string) (T, error)

	// Keys describes the keys to editors.
	Keys Schema

	// Secretive hides from excerpts what stands in the wrong place, because it may
	// be a secret.
	Secretive bool
}

func (m Dict[T]) guard(d *Decoder, n *yaml.Node) {
	if m.Secretive {
		d.hide(n)
	}
}

// Decode reads a mapping over what is there.
func (m Dict[T]) Decode(d *Decoder, n Node, into *[]T) {
	*into = nil
	if n.Kind != yaml.MappingNode {
		m.guard(d, n.Node)
		d.fault(n, "want a mapping, not "+what(n.Node), "")
		return
	}
	if len(n.Content) == 0 {
		d.fault(n, "the mapping is empty", "")
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if first, double := seen[key.Value]; double {
			m.guard(d, value)
			d.fault(Node{key, child(n.Path, key.Value)}, fmt.Sprintf("given twice; first on line %d", first), "")
			continue
		}
		seen[key.Value] = key.Line
		m.pair(d, n.Path, key, value, into)
	}
}

func (m Dict[T]) pair(d *Decoder, path string, key, value *yaml.Node, into *[]T) {
	at := Node{value, child(path, key.Value)}
	v, err := m.Start(key.Value)
	if err != nil {
		m.guard(d, value)
		d.fault(Node{key, at.Path}, "the key wants to be "+err.Error(), "")
		return
	}
	d.places.put(at.Path, key, value)
	m.Item.Decode(d, at, &v)
	*into = append(*into, v)
}

// Schema describes the mapping.
func (m Dict[T]) Schema(*[]T) *Schema {
	keys := m.Keys
	var zero T
	return &Schema{Type: "object", MinProperties: 1, PropertyNames: &keys, Additional: m.Item.Schema(&zero)}
}

// Ptr is a form whose value may be absent.
type Ptr[T any] struct {
	Form Form[T]

	// Start is the value before it is decoded; nil: the zero value.
	Start func() T
}

// Decode makes a new value, whatever was inherited.
func (p Ptr[T]) Decode(d *Decoder, n Node, into **T) {
	v := p.start()
	p.Form.Decode(d, n, &v)
	*into = &v
}

func (p Ptr[T]) start() (v T) {
	if p.Start != nil {
		v = p.Start()
	}
	return v
}

// Schema describes the value.
func (p Ptr[T]) Schema(**T) *Schema {
	v := p.start()
	return p.Form.Schema(&v)
}

// Word is a single word that may stand in place of a form: off, or true.
type Word[T any] struct {
	Text string
	Set  func(*T)
}

// Or is a form or one of some words.
type Or[T any] struct {
	Form  Form[T]
	Words []Word[T]

	// Before prepares a value for Form when no word is given, as in switching on
	// what was inherited as off. May be nil.
	Before func(*T)

	// Want completes "want …" for a scalar that is no word; empty: Form reports it.
	Want string
}

// Decode reads a word or leaves it to the form.
func (o Or[T]) Decode(d *Decoder, n Node, into *T) {
	if n.Kind == yaml.ScalarNode {
		text, err := expand(n.Value, d.env)
		switch {
		case err != nil:
			d.fault(n, err.Error(), "")
			return
		case o.word(n.Node, text, into):
			return
		case o.Want != "":
			d.fault(n, "want "+o.Want+", not "+what(n.Node), "")
			return
		}
	}
	if o.Before != nil {
		o.Before(into)
	}
	o.Form.Decode(d, n, into)
}

func (o Or[T]) word(n *yaml.Node, text string, into *T) bool {
	for _, w := range o.Words {
		isBool := w.Text == "true" || w.Text == "false"
		if w.Text == text && (foreign(n.Value) || isBool == (typeOf(n) == Bool)) {
			w.Set(into)
			return true
		}
	}
	return false
}

// Schema describes the form and the words.
func (o Or[T]) Schema(def *T) *Schema {
	inner := o.Form.Schema(def)
	s := &Schema{Default: inner.Default, AnyOf: []*Schema{inner}}
	inner.Default = nil
	for _, w := range o.Words {
		s.AnyOf = append(s.AnyOf, &Schema{Const: constant(w.Text)})
	}
	s.AnyOf = append(s.AnyOf, outside())
	return s
}

func constant(word string) any {
	switch word {
	case "true":
		return true
	case "false":
		return false
	default:
		return word
	}
}

// Via is a form for a part of a value.
type Via[T, V any] struct {
	Get  func(*T) *V
	Form Form[V]
}

// Decode reads the part.
func (v Via[T, V]) Decode(d *Decoder, n Node, into *T) { v.Form.Decode(d, n, v.Get(into)) }

// Schema describes the part.
func (v Via[T, V]) Schema(def *T) *Schema {
	if def == nil {
		return v.Form.Schema(nil)
	}
	return v.Form.Schema(v.Get(def))
}
