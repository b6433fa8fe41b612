package admin

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// schemas are JSON Schemas made of Go types, as encoding/json writes these. What
// it may leave out is optional, what may be nil may be null.
type schemas struct {
	known object // structs, by name
	types map[string]reflect.Type
}

// of describes the type of a value.
func (t *schemas) of(v any) (object, error) { return t.schema(reflect.TypeOf(v)) }

// plain are types that are not taken apart.
var plain = map[reflect.Type]object{
	reflect.TypeFor[time.Time]():       {"type": "string", "format": "date-time"},
	reflect.TypeFor[[]byte]():          {"type": "string", "contentEncoding": "base64"},
	reflect.TypeFor[json.RawMessage](): {},
	reflect.TypeFor[any]():             {},
}

func (t *schemas) schema(typ reflect.Type) (object, error) {
	if s, ok := plain[typ]; ok {
		return s, nil
	}
	switch typ.Kind() {
	case reflect.Bool:
		return object{"type": "boolean"}, nil
	case reflect.String:
		return object{"type": "string"}, nil
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return object{"type": "integer", "format": "int64"}, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return object{"type": "integer", "format": "int64", "minimum": 0}, nil
	case reflect.Pointer:
		return t.schema(typ.Elem())
	case reflect.Slice:
		items, err := t.schema(typ.Elem())
		return object{"type": "array", "items": items}, err
	case reflect.Map:
		values, err := t.schema(typ.Elem())
		return object{"type": "object", "additionalProperties": values}, err
	case reflect.Struct:
		return t.named(typ)
	}
	return nil, fmt.Errorf("%s is no type for JSON", typ)
}

// named describes a struct once and refers to it.
func (t *schemas) named(typ reflect.Type) (object, error) {
	name := schemaName(typ)
	if t.types == nil {
		t.types = map[string]reflect.Type{}
	}
	switch before, ok := t.types[name]; {
	case ok && before != typ:
		return nil, fmt.Errorf("%s and %s are both called %s", before, typ, name)
	case !ok:
		t.types[name] = typ // before its fields, which may be of this type
		s, err := t.fields(typ)
		if err != nil {
			return nil, err
		}
		t.known[name] = s
	}
	return object{"$ref": "#/components/schemas/" + name}, nil
}

var generic = regexp.MustCompile(`^(\w+)\[(?:.*[./])?(\w+)\]$`)

// schemaName is the name of a type: of api.Page[api.Lane] it is LanePage.
func schemaName(typ reflect.Type) string {
	return generic.ReplaceAllString(typ.Name(), "$2$1")
}

// fields describes a struct: its own fields, and those of the structs in it.
func (t *schemas) fields(typ reflect.Type) (object, error) {
	properties, required := object{}, []string{}
	for _, f := range reflect.VisibleFields(typ) {
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case tag == "-" || !f.IsExported():
			continue
		case f.Anonymous && name == "":
			continue // its fields come, too
		case name == "" || f.Anonymous: // the latter would come twice
			return nil, fmt.Errorf("%s.%s has no name of its own in JSON", typ, f.Name)
		}
		s, err := t.schema(f.Type)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", typ, f.Name, err)
		}
		if omitted := strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero"); !omitted {
			required = append(required, name)
			s = nullable(f.Type, s)
		}
		properties[name] = s
	}
	s := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	return s, nil
}

// nullable adds null to what is written also where it is nil.
func nullable(typ reflect.Type, s object) object {
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return object{"anyOf": []object{s, {"type": "null"}}}
	}
	return s
}
