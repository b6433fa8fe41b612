package strict

import "go.yaml.in/yaml/v3"

// Short is a mapping that may be written as a single value, where one of its keys
// says it all.
type Short[T any] struct {
	Form  Form[T] // the mapping
	Value Form[T] // the single value
	Start func() T
}

// Decode reads the mapping or the value. Neither rests on what was inherited.
func (s Short[T]) Decode(d *Decoder, n Node, into *T) {
	var v T
	if s.Start != nil {
		v = s.Start()
	}
	if n.Kind == yaml.ScalarNode {
		s.Value.Decode(d, n, &v)
	} else {
		s.Form.Decode(d, n, &v)
	}
	*into = v
}

// Schema describes both.
func (s Short[T]) Schema(*T) *Schema {
	var v T
	if s.Start != nil {
		v = s.Start()
	}
	return &Schema{AnyOf: []*Schema{s.Value.Schema(&v), s.Form.Schema(&v)}}
}
