package sidecar

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	amqp "github.com/rabbitmq/amqp091-go"
)

// namePrefix marks a name that JSON cannot hold as it is.
const namePrefix = "base64:"

// appendValue writes any value of an AMQP table.
func appendValue(b []byte, v any) []byte {
	if n, letter, ok := integer(v); ok {
		return append(strconv.AppendInt(open(b, letter), n, 10), '}')
	}
	if t, ok := table(v); ok {
		return append(appendTable(open(b, typeTable), t), '}')
	}
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return appendString(b, v)
	case bool:
		return append(strconv.AppendBool(open(b, typeBool), v), '}')
	case float32:
		return append(appendFloat(open(b, typeFloat32), float64(v), uint64(math.Float32bits(v)), 32), '}')
	case float64:
		return append(appendFloat(open(b, typeFloat64), v, math.Float64bits(v), 64), '}')
	case time.Time:
		return append(strconv.AppendInt(open(b, typeTimestamp), v.Unix(), 10), '}')
	case []byte:
		return append(appendBase64(open(b, typeBytes), v), '}')
	case amqp.Decimal:
		return fmt.Appendf(open(b, typeDecimal), "[%d,%d]}", v.Scale, v.Value)
	case []any:
		return append(appendArray(open(b, typeArray), v), '}')
	}
	return appendString(b, fmt.Sprint(v)) // no broker sends one
}

func open(b []byte, letter byte) []byte { return append(b, '{', '"', letter, '"', ':') }

func appendFloat(b []byte, f float64, bits uint64, size int) []byte {
	if finite(f) {
		return strconv.AppendFloat(b, f, 'g', -1, size)
	}
	return fmt.Appendf(b, `"%x"`, bits)
}

func appendArray(b []byte, values []any) []byte {
	b = append(b, '[')
	for i, v := range values {
		b = appendComma(b, i)
		b = appendValue(b, v)
	}
	return append(b, ']')
}

func appendTable(b []byte, t amqp.Table) []byte {
	b = append(b, '{')
	for i, name := range slices.Sorted(maps.Keys(t)) {
		b = appendComma(b, i)
		b = appendName(b, name)
		b = appendValue(b, t[name])
	}
	return append(b, '}')
}

func appendTypes(b []byte, types []typed) []byte {
	b = append(b, '{')
	for i, t := range types {
		b = appendName(appendComma(b, i), t.name)
		b = append(b, '"', t.letter, '"')
	}
	return append(b, '}')
}

func appendComma(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}

// appendName writes a name and the colon.
func appendName(b []byte, name string) []byte {
	if !utf8.ValidString(name) || strings.HasPrefix(name, namePrefix) {
		name = namePrefix + base64.StdEncoding.EncodeToString([]byte(name))
	}
	return append(appendString(b, name), ':')
}

// appendString writes a string, quoted; one that is not UTF-8 as bytes.
func appendString(b []byte, s string) []byte {
	if !utf8.ValidString(s) {
		return append(appendBase64(open(b, typeString), []byte(s)), '}')
	}
	return appendQuoted(b, s)
}

// appendBytes writes bytes as appendString does a string.
func appendBytes(b, v []byte) []byte {
	if !utf8.Valid(v) {
		return append(appendBase64(open(b, typeString), v), '}')
	}
	return appendQuoted(b, v)
}

func appendQuoted[T string | []byte](b []byte, s T) []byte {
	b = append(b, '"')
	clean := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[clean:i]...)
		clean = i + 1
		if c < ' ' {
			b = fmt.Appendf(b, `\u%04x`, c)
		} else {
			b = append(b, '\\', c)
		}
	}
	return append(append(b, s[clean:]...), '"')
}

func appendBase64(b, v []byte) []byte {
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, v)
	return append(b, '"')
}
