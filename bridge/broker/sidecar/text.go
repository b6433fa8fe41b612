package sidecar

import (
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	amqp "github.com/rabbitmq/amqp091-go"
)

// The letters of AMQP field types, as RabbitMQ writes them.
const (
	typeString    = 'S'
	typeBool      = 't'
	typeUint8     = 'B'
	typeInt8      = 'b'
	typeInt16     = 's'
	typeUint16    = 'u'
	typeInt32     = 'I'
	typeUint32    = 'i'
	typeInt64     = 'l'
	typeFloat32   = 'f'
	typeFloat64   = 'd'
	typeDecimal   = 'D'
	typeTimestamp = 'T'
	typeBytes     = 'x'
	typeArray     = 'A'
	typeTable     = 'F'
)

// text returns a value as text and its type. It is false for a value that
// cannot be told from its text and type again.
func text(v any) (s string, letter byte, ok bool) {
	switch v := v.(type) {
	case string: // binary too: AMQP does not say what is in a string, nor does Kafka in a header
		return v, typeString, true
	case bool:
		return strconv.FormatBool(v), typeBool, true
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32), typeFloat32, v == v
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), typeFloat64, v == v // a NaN has a payload
	case time.Time:
		t := v.UTC()
		return t.Format(time.RFC3339), typeTimestamp, t.Year() >= 0 && t.Year() <= 9999
	case []byte:
		return string(v), typeBytes, utf8.Valid(v)
	}
	if n, letter, ok := integer(v); ok {
		return strconv.FormatInt(n, 10), letter, true
	}
	return "", 0, false
}

// integer returns any of AMQP's integers, and its type.
func integer(v any) (n int64, letter byte, ok bool) {
	switch v := v.(type) {
	case int8:
		return int64(v), typeInt8, true
	case uint8:
		return int64(v), typeUint8, true
	case int16:
		return int64(v), typeInt16, true
	case uint16:
		return int64(v), typeUint16, true
	case int32:
		return int64(v), typeInt32, true
	case uint32:
		return int64(v), typeUint32, true
	case int64:
		return v, typeInt64, true
	case int: // never read from a broker
		return int64(v), typeInt64, true
	}
	return 0, 0, false
}

// parse is the inverse of text: the value of this type that has this text.
func parse(letter byte, s string) (any, bool) {
	v, ok := parseScalar(letter, s)
	if !ok {
		return nil, false
	}
	again, _, ok := text(v)
	return v, ok && again == s
}

func parseScalar(letter byte, s string) (any, bool) {
	switch letter {
	case typeString:
		return s, true
	case typeBytes:
		return []byte(s), true
	case typeBool:
		return s == "true", true
	case typeFloat32:
		f, err := strconv.ParseFloat(s, 32)
		return float32(f), err == nil
	case typeFloat64:
		f, err := strconv.ParseFloat(s, 64)
		return f, err == nil
	case typeTimestamp:
		t, err := time.Parse(time.RFC3339, s)
		return time.Unix(t.Unix(), 0), err == nil
	}
	return parseInteger(letter, s)
}

func parseInteger(letter byte, s string) (any, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return nil, false
	}
	switch letter {
	case typeInt8:
		return int8(n), n == int64(int8(n))
	case typeUint8:
		return uint8(n), n == int64(uint8(n))
	case typeInt16:
		return int16(n), n == int64(int16(n))
	case typeUint16:
		return uint16(n), n == int64(uint16(n))
	case typeInt32:
		return int32(n), n == int64(int32(n))
	case typeUint32:
		return uint32(n), n == int64(uint32(n))
	case typeInt64:
		return n, true
	}
	return nil, false
}

// finite reports whether JSON has a number for f.
func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// table is either of the forms in which a table comes.
func table(v any) (amqp.Table, bool) {
	switch v := v.(type) {
	case amqp.Table:
		return v, true
	case map[string]any:
		return v, true
	}
	return nil, false
}
