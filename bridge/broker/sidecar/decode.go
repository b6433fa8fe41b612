package sidecar

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// maxDepth is how deeply values may be nested: what the AMQP client reads.
const maxDepth = 33

var errDepth = errors.New("nested too deeply")

// decodeValue is the inverse of appendValue, for JSON that was read with
// numbers as texts.
func decodeValue(v any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	switch v := v.(type) {
	case nil, string:
		return v, nil
	case map[string]any:
		for letter, inner := range v {
			if len(v) == 1 && len(letter) == 1 {
				return decodeTyped(letter[0], inner, depth)
			}
		}
	}
	return nil, fmt.Errorf("%T is no value", v)
}

func decodeTyped(letter byte, v any, depth int) (any, error) {
	switch v := v.(type) {
	case bool:
		if letter == typeBool {
			return v, nil
		}
	case json.Number:
		return decodeNumber(letter, string(v))
	case string:
		return decodeText(letter, v)
	case []any:
		if letter == typeDecimal {
			return decodeDecimal(v)
		}
		if letter == typeArray {
			return decodeArray(v, depth)
		}
	case map[string]any:
		if letter == typeTable {
			return decodeTable(v, depth)
		}
	}
	return nil, fmt.Errorf("%q does not fit %T", letter, v)
}

func decodeNumber(letter byte, s string) (any, error) {
	if letter == typeTimestamp {
		seconds, err := strconv.ParseInt(s, 10, 64)
		return time.Unix(seconds, 0), err
	}
	if letter == typeBool || letter == typeBytes || letter == typeString {
		return nil, fmt.Errorf("%q does not fit a number", letter)
	}
	if v, ok := parseScalar(letter, s); ok {
		return v, nil
	}
	return nil, fmt.Errorf("%s is no value of type %q", s, letter)
}

// decodeText reads what JSON has no form of its own for.
func decodeText(letter byte, s string) (any, error) {
	switch letter {
	case typeFloat32:
		bits, err := strconv.ParseUint(s, 16, 32)
		return math.Float32frombits(uint32(bits)), err
	case typeFloat64:
		bits, err := strconv.ParseUint(s, 16, 64)
		return math.Float64frombits(bits), err
	}
	raw, err := base64.StdEncoding.DecodeString(s)
	switch {
	case err != nil:
		return nil, err
	case letter == typeString:
		return string(raw), nil
	case letter == typeBytes:
		return raw, nil
	}
	return nil, fmt.Errorf("%q does not fit a text", letter)
}

func decodeDecimal(v []any) (any, error) {
	if len(v) != 2 {
		return nil, errors.New("a decimal is [scale,value]")
	}
	scale, err := strconv.ParseUint(fmt.Sprint(v[0]), 10, 8)
	if err != nil {
		return nil, err
	}
	value, err := strconv.ParseInt(fmt.Sprint(v[1]), 10, 32)
	return amqp.Decimal{Scale: uint8(scale), Value: int32(value)}, err
}

func decodeArray(v []any, depth int) (any, error) {
	values := make([]any, len(v))
	for i := range v {
		var err error
		if values[i], err = decodeValue(v[i], depth+1); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func decodeTable(v map[string]any, depth int) (amqp.Table, error) {
	t := make(amqp.Table, len(v))
	for name, inner := range v {
		value, err := decodeValue(inner, depth+1)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		t[decodeName(name)] = value
	}
	return t, nil
}

// decodeName is the inverse of appendName.
func decodeName(name string) string {
	rest, ok := strings.CutPrefix(name, namePrefix)
	if !ok {
		return name
	}
	raw, err := base64.StdEncoding.DecodeString(rest)
	if err != nil {
		return name
	}
	return string(raw)
}
