package content

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// Row is a header as a page shows it.
type Row struct {
	Name   string
	Type   string // as its broker has it
	Text   string
	Size   int
	Why    string // it is not shown, or not all of it
	Masked bool
	Ours   bool // the bridge has added it
}

// Fact is something that is known of a message, beside its headers.
type Fact struct{ Name, Value string }

// Headers are the headers of a message with what its sidecars say of them.
type Headers struct {
	Rows       []Row
	Properties []Fact // of AMQP
	Origin     []Fact // where it came from
}

// MaxHeader is how much of a header a page shows, in bytes.
const MaxHeader = 1000

const (
	sidecarAMQP  = "bridge-amqp"
	sidecarKafka = "bridge-kafka"
	source       = "bridge-source-"
)

// NewHeaders reads headers. What a sidecar says is undone where it can be read; one
// that cannot is a header like any other.
func NewHeaders(all []api.Header) Headers {
	var out Headers
	types := map[string]string{}
	plain := "text"
	for _, h := range all {
		switch name := h.RawName(); {
		case name == sidecarAMQP && out.amqp(h, types):
			plain = "string"
		case name == sidecarKafka && out.kafka(h, types):
		default:
			out.Rows = append(out.Rows, rowOf(h))
			if of, ok := strings.CutPrefix(name, source); ok {
				out.Origin = append(out.Origin, Fact{strings.ReplaceAll(of, "-", " "), string(h.Value.Raw())})
			}
		}
	}
	for i := range out.Rows {
		r := &out.Rows[i]
		if r.Type == "" {
			r.Type = plain
		}
		if t := types[r.Name]; t != "" {
			r.Type = t
		}
	}
	slices.SortStableFunc(out.Rows, func(a, b Row) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func rowOf(h api.Header) Row {
	r := Row{Name: h.RawName(), Text: string(h.Value.Raw()), Size: h.Value.Size, Masked: h.Value.Masked, Why: h.Value.Hidden}
	if h.Value.Text == nil && h.Value.Base64 != nil {
		r.Type = "bytes"
	}
	if shown := api.NewBytes([]byte(r.Text), MaxHeader); shown.Truncated || h.Value.Truncated {
		r.Text, r.Why = string(shown.Raw()), "cut off"
	}
	r.Ours = strings.HasPrefix(r.Name, "bridge-")
	return r
}

// members reads the object of a sidecar, in the order of its names.
func members(h api.Header) (names []string, all map[string]json.RawMessage, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(h.Value.Raw()))
	if h.Value.Truncated || dec.Decode(&all) != nil || dec.More() || all == nil {
		return nil, nil, false
	}
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, all, true
}

// amqpTypes are the letters that AMQP puts on the wire.
var amqpTypes = map[string]string{
	"t": "boolean", "b": "int8", "B": "uint8", "s": "int16", "u": "uint16", "I": "int32", "i": "uint32", "l": "int64",
	"f": "float", "d": "double", "T": "timestamp", "x": "bytes", "D": "decimal", "A": "array", "F": "table", "S": "string",
}

func (h *Headers) amqp(of api.Header, types map[string]string) bool {
	names, all, ok := members(of)
	if !ok {
		return false
	}
	for _, name := range names {
		switch value := all[name]; name {
		case "types":
			letters := map[string]string{}
			_ = json.Unmarshal(value, &letters) // what cannot be read says nothing
			for header, letter := range letters {
				types[unnamed(header)] = amqpTypes[letter]
			}
		case "values":
			h.values(value, amqpValue)
		case "exchange", "routing-key":
			h.Origin = append(h.Origin, Fact{"RabbitMQ " + strings.ReplaceAll(name, "-", " "), orNone(plainText(value))})
		case "timestamp":
			h.Properties = append(h.Properties, Fact{name, unixTime(value, time.Second)})
		default:
			h.Properties = append(h.Properties, Fact{name, plainText(value)})
		}
	}
	return true
}

// amqpValue is the type and the text of a value that is no text header.
func amqpValue(value json.RawMessage) (kind, text string) {
	var typed map[string]json.RawMessage
	if bytes.Equal(value, []byte("null")) {
		return "void", ""
	}
	if json.Unmarshal(value, &typed) == nil && len(typed) == 1 {
		for letter, v := range typed {
			if kind = amqpTypes[letter]; kind != "" {
				return kind, untyped(letter, v)
			}
		}
	}
	return "string", plainText(value)
}

// untyped is a value of AMQP as plain JSON: arrays and tables without the letters
// that say which types their values have.
func untyped(letter string, value json.RawMessage) string {
	if letter != "A" && letter != "F" {
		return plainText(value)
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return plainText(value)
	}
	text, err := json.Marshal(unlettered(v, letter == "F"))
	if err != nil {
		return plainText(value)
	}
	return string(text)
}

// unlettered takes the letters off. A table has names of its own, which are none.
func unlettered(v any, table bool) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = unlettered(v[i], false)
		}
	case map[string]any:
		if table {
			for name := range v {
				v[name] = unlettered(v[name], false)
			}
			return v
		}
		for letter, inner := range v {
			if len(v) == 1 && amqpTypes[letter] != "" {
				return unlettered(inner, letter == "F")
			}
		}
	}
	return v
}

func (h *Headers) kafka(of api.Header, types map[string]string) bool {
	names, all, ok := members(of)
	if !ok {
		return false
	}
	for _, name := range names {
		switch value := all[name]; name {
		case "names":
		case "values":
			h.repeats(value, types)
		case "timestamp":
			h.Origin = append(h.Origin, Fact{"Kafka time", unixTime(value, time.Millisecond)})
		default:
			h.Origin = append(h.Origin, Fact{"Kafka " + name, plainText(value)})
		}
	}
	return true
}

// repeats are headers of a record that come more than once, or are null.
func (h *Headers) repeats(value json.RawMessage, types map[string]string) {
	var all map[string][]json.RawMessage
	_ = json.Unmarshal(value, &all) // what cannot be read says nothing
	for name, values := range all {
		name = unnamed(name)
		if len(values) > 0 && !bytes.Equal(values[len(values)-1], []byte("null")) {
			types[name] = fmt.Sprintf("text, the last of %d: %s", len(values), plainText(value0(values)))
			continue
		}
		h.Rows = append(h.Rows, Row{Name: name, Type: "null"})
	}
}

func value0(values []json.RawMessage) json.RawMessage {
	joined, _ := json.Marshal(values) // it was JSON
	return joined
}

// values are headers without a text.
func (h *Headers) values(value json.RawMessage, read func(json.RawMessage) (kind, text string)) {
	var all map[string]json.RawMessage
	_ = json.Unmarshal(value, &all) // what cannot be read says nothing
	for name, v := range all {
		kind, text := read(v)
		h.Rows = append(h.Rows, Row{Name: unnamed(name), Type: kind, Text: text, Size: len(text)})
	}
}

// unnamed is the name of a header that a sidecar may have as base64.
func unnamed(name string) string {
	if text, ok := strings.CutPrefix(name, "base64:"); ok {
		if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
			return string(raw)
		}
	}
	return name
}

// plainText is a value of JSON: a string without its quotes, all else as it is
// there.
func plainText(value json.RawMessage) string {
	text := ""
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

// unixTime is a number of units since 1970.
func unixTime(value json.RawMessage, unit time.Duration) string {
	n := int64(0)
	if json.Unmarshal(value, &n) != nil {
		return plainText(value)
	}
	t := time.UnixMilli(n)
	if unit == time.Second {
		t = time.Unix(n, 0)
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func orNone(text string) string {
	if text == "" {
		return "the default one, without a name"
	}
	return text
}
