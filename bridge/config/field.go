package config

import "strings"

// FieldKind says where in a message a field is.
type FieldKind string

// The kinds of field. Body and Revision are for [Order.Same] only.
const (
	Header     FieldKind = "header"      // a header; Name is its name
	Property   FieldKind = "property"    // an AMQP property; Name is its name as AMQP spells it, such as message-id
	JSON       FieldKind = "json"        // a value in a JSON body; Name is its path
	MessageKey FieldKind = "message_key" // the Kafka record key
	RoutingKey FieldKind = "routing_key" // the AMQP routing key
	Body       FieldKind = "body"        // the whole body
	Revision   FieldKind = "revision"    // nothing but the revision
)

// Field is a place in a message. The zero value is none.
type Field struct {
	Kind FieldKind

	// Name is set with header, property and json. A JSON path is a gjson path: parts
	// with dots between them (order.lines.0.id, numbers count from 0), and a
	// backslash before whatever else is not a letter, digit, _ or -.
	Name string
}

// IsZero reports whether no field was given.
func (f Field) IsZero() bool { return f == Field{} }

// String is the field as the file writes it.
func (f Field) String() string {
	switch f.Kind {
	case Header, JSON, Property:
		return string(f.Kind) + "." + f.path()
	default:
		return string(f.Kind)
	}
}

func (f Field) path() string {
	switch {
	case f.Kind == JSON:
		parts := jsonParts(f.Name)
		for i, p := range parts {
			parts[i] = quotePart(p)
		}
		return strings.Join(parts, ".")
	case f.Kind == Header:
		return quotePart(f.Name)
	default:
		return f.Name
	}
}

func quotePart(p string) string {
	if isPlainPart(p) {
		return p
	}
	return `"` + p + `"`
}

// jsonParts takes a gjson path apart.
func jsonParts(path string) []string {
	parts := []string{""}
	for i := 0; i < len(path); i++ {
		last := &parts[len(parts)-1]
		switch {
		case path[i] == '.':
			parts = append(parts, "")
		case path[i] == '\\' && i+1 < len(path):
			i++
			*last += path[i : i+1]
		default:
			*last += path[i : i+1]
		}
	}
	return parts
}
