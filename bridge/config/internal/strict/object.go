package strict

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Form says what may stand at a place of a file: how it becomes a T, and how an
// editor is told.
type Form[T any] interface {
	// Decode writes what stands at n over *into, which holds the defaults, and
	// reports what is wrong to d. It goes on after a fault.
	Decode(d *Decoder, n Node, into *T)

	// Schema describes the place. def holds the defaults; nil: there are none.
	Schema(def *T) *Schema
}

// Object is a mapping with known keys.
type Object[T any] struct {
	Fields []Field[T]

	// One lists keys of which exactly one is given.
	One []string

	// Meant maps keys that people try to the ones they mean.
	Meant map[string]string

	// Secretive hides from excerpts what stands in the wrong place, because it may
	// be a secret.
	Secretive bool

	// Located tells the value its path.
	Located func(*T, string)
}

// Field is one key of an [Object]. It is made by [Opt] or [Req].
type Field[T any] struct {
	name     string
	doc      string
	required bool
	decode   func(*Decoder, Node, *T)
	schema   func(*T) *Schema
}

// Opt is a key that may be left out; get finds its value.
func Opt[T, V any](name string, get func(*T) *V, form Form[V], doc string) Field[T] {
	return Field[T]{
		name: name, doc: doc,
		decode: func(d *Decoder, n Node, into *T) { form.Decode(d, n, get(into)) },
		schema: func(def *T) *Schema {
			if def == nil {
				return form.Schema(nil)
			}
			return form.Schema(get(def))
		},
	}
}

// Req is a key that must be given.
func Req[T, V any](name string, get func(*T) *V, form Form[V], doc string) Field[T] {
	f := Opt(name, get, form, doc)
	f.required = true
	return f
}

// Decode reads a mapping. Keys are decoded in the order of the grammar, so that
// one may rest on those before it, wherever they stand in the file.
func (o Object[T]) Decode(d *Decoder, n Node, into *T) {
	if o.Located != nil {
		o.Located(into, n.Path)
	}
	if n.Kind != yaml.MappingNode {
		if o.Secretive {
			d.hide(n.Node)
		}
		d.fault(n, "want a mapping ("+o.example()+"), not "+what(n.Node), "")
		return
	}
	values := o.collect(d, n)
	for _, f := range o.Fields {
		if v, ok := values[f.name]; ok {
			f.decode(d, Node{v, child(n.Path, f.name)}, into)
		} else if f.required {
			o.missing(d, n, f.name)
		}
	}
	o.exactlyOne(d, n, values)
}

// example shows a mapping by its first key.
func (o Object[T]) example() string {
	if len(o.Fields) == 0 {
		return "{}"
	}
	return "{ " + o.Fields[0].name + ": … }"
}

// missing is silent when an unknown key was probably meant to be this one.
func (o Object[T]) missing(d *Decoder, n Node, name string) {
	if path := child(n.Path, name); !d.faulty[path] {
		d.fault(n, name+" is required", "")
		d.faulty[path] = true
	}
}

func (o Object[T]) exactlyOne(d *Decoder, n Node, values map[string]*yaml.Node) {
	given := []string{}
	for _, name := range o.One {
		_, ok := values[name]
		if ok || d.faulty[child(n.Path, name)] {
			given = append(given, name)
		}
	}
	switch {
	case len(o.One) == 0 || len(given) == 1:
	case len(given) == 0:
		d.fault(n, "want "+orList(o.One), "")
	default:
		d.fault(n, fmt.Sprintf("want only one of %s", andList(given)), "")
	}
}

// collect finds the values of known keys and reports the other keys.
func (o Object[T]) collect(d *Decoder, n Node) map[string]*yaml.Node {
	values := map[string]*yaml.Node{}
	known := o.names()
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		path, name := child(n.Path, key.Value), key.Value
		first, double := seen[name]
		seen[name] = key.Line
		switch {
		case key.Kind != yaml.ScalarNode:
			d.fault(Node{key, n.Path}, "a key is a word, not "+what(key), "")
			d.hide(value)
		case double:
			d.fault(Node{key, path}, fmt.Sprintf("given twice; first on line %d", first), "")
			o.guard(d, key, value)
			seen[name] = first
		case known[name]:
			d.places.put(path, key, value)
			values[name] = value
		default:
			o.unknown(d, n, key, value)
		}
	}
	return values
}

func (o Object[T]) names() map[string]bool {
	names := make(map[string]bool, len(o.Fields))
	for _, f := range o.Fields {
		names[f.name] = true
	}
	return names
}

// guard hides what is not decoded, unless it was meant for a setting that is no
// secret.
func (o Object[T]) guard(d *Decoder, key, value *yaml.Node) {
	if o.Secretive || value.Kind != yaml.ScalarNode || o.meant(key.Value) == "" {
		d.hide(value)
	}
}

func (o Object[T]) unknown(d *Decoder, n Node, key, value *yaml.Node) {
	if d.full() {
		d.more++
		return
	}
	o.guard(d, key, value)
	hint := ""
	if meant := o.meant(key.Value); meant != "" {
		hint = `did you mean "` + meant + `"?`
		d.faulty[child(n.Path, meant)] = true // so that it is not missed as well
	} else if list := o.list(); len(list) <= 6 {
		hint = "known here: " + andList(list)
	}
	d.fault(Node{key, child(n.Path, key.Value)}, "unknown key", hint)
}

// meant is the known key that a key stands for, or "".
func (o Object[T]) meant(key string) string {
	if word := o.Meant[key]; word != "" {
		return word
	}
	return Nearest(key, o.list())
}

func (o Object[T]) list() []string {
	names := make([]string, len(o.Fields))
	for i, f := range o.Fields {
		names[i] = f.name
	}
	return names
}

// Schema describes the mapping.
func (o Object[T]) Schema(def *T) *Schema {
	s := &Schema{Type: "object", Additional: false}
	for _, f := range o.Fields {
		p := f.schema(def)
		p.Description = f.doc
		s.Properties = append(s.Properties, Property{f.name, p})
		if f.required {
			s.Required = append(s.Required, f.name)
		}
	}
	for _, name := range o.One {
		s.OneOf = append(s.OneOf, &Schema{Required: []string{name}})
	}
	return s
}
