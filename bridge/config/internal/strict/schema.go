package strict

import (
	"bytes"
	"encoding/json"
)

// Schema is the part of JSON Schema draft-07 that the forms need, in the order
// in which a person reads it.
type Schema struct {
	Schema      string `json:"$schema,omitempty"`
	ID          string `json:"$id,omitempty"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`

	Type    string   `json:"type,omitempty"`
	Const   any      `json:"const,omitempty"`
	Enum    []string `json:"enum,omitempty"`
	Default any      `json:"default,omitempty"`
	Pattern string   `json:"pattern,omitempty"`

	MinLength        int      `json:"minLength,omitempty"`
	Minimum          *float64 `json:"minimum,omitempty"`
	ExclusiveMinimum *float64 `json:"exclusiveMinimum,omitempty"`
	Maximum          *float64 `json:"maximum,omitempty"`

	Properties    Properties `json:"properties,omitempty"`
	Required      []string   `json:"required,omitempty"`
	PropertyNames *Schema    `json:"propertyNames,omitempty"`
	MinProperties int        `json:"minProperties,omitempty"`

	// Additional is false, or a *Schema.
	Additional any `json:"additionalProperties,omitempty"`

	Items    *Schema `json:"items,omitempty"`
	MinItems int     `json:"minItems,omitempty"`
	MaxItems int     `json:"maxItems,omitempty"`

	AnyOf []*Schema `json:"anyOf,omitempty"`
	OneOf []*Schema `json:"oneOf,omitempty"`
}

// Properties keep their order.
type Properties []Property

// Property is one key of a mapping.
type Property struct {
	Name   string
	Schema *Schema
}

// MarshalJSON writes an object.
func (ps Properties) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, p := range ps {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := writePair(&b, p); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func writePair(b *bytes.Buffer, p Property) error {
	name, err := json.Marshal(p.Name)
	if err != nil {
		return err
	}
	value, err := json.Marshal(p.Schema)
	if err != nil {
		return err
	}
	b.Write(name)
	b.WriteByte(':')
	b.Write(value)
	return nil
}

// outside is any text that holds a value from outside the file.
func outside() *Schema { return &Schema{Type: "string", Pattern: `\$\{`} }

// JSON renders a schema as a file.
func (s *Schema) JSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(s)
	return b.Bytes(), err
}
