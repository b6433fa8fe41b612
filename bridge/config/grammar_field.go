package config

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/brokerbridge/bridge/bridge/config/internal/strict"
)

// properties are AMQP's, as its specification spells them.
var properties = []string{
	"app-id", "content-encoding", "content-type", "correlation-id", "delivery-mode", "expiration",
	"message-id", "priority", "reply-to", "timestamp", "type", "user-id",
}

// messageFields are the places of a message that a key, revision or epoch may
// come from.
var messageFields = []FieldKind{Header, Property, JSON, MessageKey, RoutingKey}

const (
	wantField = "a field of the message: header.X, property.X, json.path, message_key or routing_key"

	fieldPattern = `^(header\.([^."\s]+|"[^"]+")|property\.[a-z-]+|message_key|routing_key|json\.([A-Za-z0-9_-]+|"[^"]+")(\.([A-Za-z0-9_-]+|"[^"]+"))*)$`
)

func fieldForm() strict.Scalar[Field] {
	return strict.Scalar[Field]{
		Type: strict.Text, Want: wantField, Show: showField,
		Shape: strict.Schema{Type: "string", Pattern: fieldPattern},
		Parse: func(text string) (Field, error) { return parseField(text, messageFields) },
	}
}

func fieldsForm() strict.List[Field] { return strict.List[Field]{Item: fieldForm(), Single: true} }

// sameForm also knows the whole body, and nothing but the revision.
func sameForm() strict.Scalar[Field] {
	kinds := []FieldKind{Body, Revision, Header, JSON}
	s := fieldForm()
	s.Want = "body, revision, header.X or json.path"
	s.Shape.Pattern = `^(body|revision|header\..+|json\..+)$`
	s.Parse = func(text string) (Field, error) { return parseField(text, kinds) }
	return s
}

func showField(f Field) any {
	if f.IsZero() {
		return nil
	}
	return f.String()
}

func parseField(text string, kinds []FieldKind) (Field, error) {
	kind, rest, dotted := strings.Cut(text, ".")
	f := Field{Kind: FieldKind(kind)}
	if !slices.Contains(kinds, f.Kind) {
		return Field{}, unknownField(text, kind, rest, kinds)
	}
	err := error(nil)
	switch f.Kind {
	case Header:
		f.Name, err = parseHeader(rest)
	case Property:
		f.Name, err = parseProperty(rest)
	case JSON:
		f.Name, err = parseJSONPath(rest)
	default:
		if dotted {
			err = &strict.Mismatch{Hint: kind + " stands alone"}
		}
	}
	return f, err
}

func unknownField(text, kind, rest string, kinds []FieldKind) error {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = string(k)
	}
	hint := ""
	if w := strict.Nearest(kind, words); w != "" && rest != "" {
		hint = `did you mean "` + w + "." + rest + `"?`
	} else if w != "" {
		hint = `did you mean "` + w + `"?`
	}
	if hint == "" && text != "" && !strings.ContainsAny(text, ". ") && slices.Contains(kinds, Header) {
		hint = "header." + text + " is the header of that name"
	}
	return &strict.Mismatch{Hint: hint}
}

const noControl = "names have no control characters"

func parseHeader(name string) (string, error) {
	if inner, ok := unquote(name); ok {
		return inner, nil
	}
	if strings.ContainsFunc(name, unicode.IsControl) {
		return "", &strict.Mismatch{Hint: noControl}
	}
	if name == "" || strings.ContainsAny(name, `."`) || strings.ContainsFunc(name, unicode.IsSpace) {
		return "", &strict.Mismatch{Hint: `a header name with a dot or a blank is quoted: header."a.b"`}
	}
	return name, nil
}

// unquote returns what is between quotes. Names hold no quotes themselves.
func unquote(s string) (string, bool) {
	if len(s) < 3 || s[0] != '"' || s[len(s)-1] != '"' {
		return "", false
	}
	inner := s[1 : len(s)-1]
	return inner, !strings.Contains(inner, `"`) && !strings.ContainsFunc(inner, unicode.IsControl)
}

func parseProperty(name string) (string, error) {
	if slices.Contains(properties, name) {
		return name, nil
	}
	hint := strict.DidYouMean(name, properties)
	if hint == "" {
		hint = "AMQP has " + strings.Join(properties, ", ")
	}
	return "", &strict.Mismatch{Want: "an AMQP property", Hint: hint}
}

var (
	jsonPart    = regexp.MustCompile(`^(?:[A-Za-z0-9_-]+|"[^"]+")(?:\.|$)`)
	isPlainPart = regexp.MustCompile(`^[A-Za-z0-9_-]+$`).MatchString
)

// parseJSONPath makes a gjson path, in which every character that might mean
// something has a backslash.
func parseJSONPath(path string) (string, error) {
	var out []string
	for rest := path; ; {
		part := jsonPart.FindString(rest)
		if part == "" {
			return "", &strict.Mismatch{Hint: `parts of a path have dots between them, and quotes if they are not of letters, digits, _ and -: json.a."b c".0`}
		}
		rest = rest[len(part):]
		name := strings.TrimSuffix(part, ".")
		inner, ok := unquote(name)
		switch {
		case ok:
			name = inner
		case name[0] == '"':
			return "", &strict.Mismatch{Hint: noControl}
		}
		out = append(out, escapePart(name))
		if !strings.HasSuffix(part, ".") {
			return strings.Join(out, "."), nil
		}
	}
}

func escapePart(name string) string {
	var b strings.Builder
	for _, r := range name {
		// Bytes above ASCII mean nothing to gjson, and must not be split.
		if r < unicode.MaxASCII && !isPlainPart(string(r)) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
