package sidecar

import (
	"slices"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Aside gathers what a message could not be published with on AMQP: a property
// that would end the channel, a header whose name is too long, a type that was
// not wanted. As a text it is a sidecar that holds nothing else, and [Decoder]
// joins it with the message again. The zero value is ready; Reset makes it so.
type Aside struct {
	properties [][2]string
	types      []typed
	values     amqp.Table
	raw        []byte
}

// Reset forgets what was put aside.
func (a *Aside) Reset() {
	*a = Aside{properties: a.properties[:0], types: a.types[:0]}
}

// Property puts a property aside, by its name as AMQP spells it.
func (a *Aside) Property(name, value string) {
	a.properties = append(a.properties, [2]string{name, value})
}

// Header puts a header aside.
func (a *Aside) Header(name string, v any) {
	if a.values == nil {
		a.values = amqp.Table{}
	}
	a.values[name] = v
}

// Raw puts a table aside that could not be read.
func (a *Aside) Raw(table []byte) { a.raw = table }

// Text makes strings of headers, as far as they have a text, and puts their
// types aside; headers without one it takes out and puts aside whole.
func (a *Aside) Text(headers amqp.Table) {
	for name, v := range headers {
		s, letter, ok := text(v)
		switch {
		case !ok:
			a.Header(name, v)
			delete(headers, name)
		case letter != typeString:
			a.types = append(a.types, typed{name, letter})
			headers[name] = s
		}
	}
}

// String is the sidecar, or "" if nothing was put aside.
func (a *Aside) String() string {
	if len(a.properties) == 0 && len(a.types) == 0 && len(a.values) == 0 && a.raw == nil {
		return ""
	}
	slices.SortFunc(a.types, func(x, y typed) int { return strings.Compare(x.name, y.name) })
	b := []byte{'{'}
	for _, p := range a.properties {
		b = append(append(append(next(b), '"'), p[0]...), `":`...)
		b = appendString(b, p[1])
	}
	if a.raw != nil {
		b = appendBase64(append(next(b), `"headers":`...), a.raw)
	}
	if len(a.types) > 0 {
		b = appendTypes(append(next(b), `"types":`...), a.types)
	}
	if len(a.values) > 0 {
		b = appendTable(append(next(b), `"values":`...), a.values)
	}
	return string(append(b, '}'))
}

// next separates the members of an object.
func next(b []byte) []byte { return appendComma(b, len(b)-1) }
