package config

import "testing"

func TestFieldsReadAndPrint(t *testing.T) {
	for text, want := range map[string]Field{
		"header.key":        {Header, "key"},
		"header.x-key":      {Header, "x-key"},
		`header."a.b"`:      {Header, "a.b"},
		`header."a b"`:      {Header, "a b"},
		"property.type":     {Property, "type"},
		"message_key":       {Kind: MessageKey},
		"routing_key":       {Kind: RoutingKey},
		"json.id":           {JSON, "id"},
		"json.a.0.b-c":      {JSON, "a.0.b-c"},
		`json."a.b".c`:      {JSON, `a\.b.c`},
		`json.a."b*?#|@{c"`: {JSON, `a.b\*\?\#\|\@\{c`},
		`json."é"`:          {JSON, "é"},
	} {
		got, err := parseField(text, messageFields)
		if err != nil || got != want {
			t.Errorf("%s: got %#v, %v", text, got, err)
		}
		if got.String() != text {
			t.Errorf("%s prints as %s", text, got)
		}
	}
}

func TestFieldsThatAreNone(t *testing.T) {
	for _, text := range []string{
		"", ".", "key", "header", "header.", "header.a.b", "header.a b", `header."`, `header."a"b"`, "header.\"a\nb\"",
		"property.x", "property.", "json", "json.", "json.a.", "json..a", "json.*", `json."a`, `json."a"b`, "body", "revision", "message_key.x",
	} {
		if f, err := parseField(text, messageFields); err == nil {
			t.Errorf("%q is %#v", text, f)
		}
	}
}

// FuzzField reads any text as a field. What is one prints as a text that is the same one.
func FuzzField(f *testing.F) {
	for _, text := range []string{"header.key", `header."a.b"`, `json.a."b*?#|@{c"`, "message_key", "json..a", `header."`, "property.type", "header.\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		field, err := parseField(text, messageFields)
		if err != nil {
			return
		}
		if again, err := parseField(field.String(), messageFields); err != nil || again != field {
			t.Errorf("%q is %#v, which prints as %q: %#v, %v", text, field, field.String(), again, err)
		}
	})
}
