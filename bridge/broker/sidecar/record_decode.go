package sidecar

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

const (
	// maxRecord is the longest bridge-kafka that is read, in bytes. Kafka takes
	// records of 1 MiB, unless told otherwise.
	maxRecord = 4 << 20
	// maxRecordDepth is how deeply it may be nested; the bridge writes four levels.
	maxRecordDepth = 8
)

// recordForm is the sidecar of a record. Its own headers are not set.
type recordForm struct {
	OriginalRecord
	names  []string            // of all headers in order, if that matters
	values map[string][][]byte // all values, where the text is not all
}

// readRecord reads bridge-kafka.
func readRecord(text string) (recordForm, error) {
	if f, ok := readCommon(text); ok {
		return f, nil
	}
	return readParsed(text)
}

// readParsed reads it in any form. Members it does not know are passed over.
func readParsed(text string) (recordForm, error) {
	var f recordForm
	if err := plain(text); err != nil {
		return f, err
	}
	f.Known = true
	var err error
	gjson.Parse(text).ForEach(func(name, v gjson.Result) bool {
		if err = f.member(name.Str, v); err != nil {
			err = fmt.Errorf("%s: %w", name.Str, err)
		}
		return err == nil
	})
	return f, err
}

// plain keeps from gjson what it would read too deeply, or not refuse.
func plain(text string) error {
	if len(text) > maxRecord {
		return fmt.Errorf("%d bytes, the limit is %d", len(text), maxRecord)
	}
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxRecordDepth {
				return errDepth
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	if !gjson.Valid(text) || !gjson.Parse(text).IsObject() {
		return errors.New("not a JSON object")
	}
	return nil
}

func (f *recordForm) member(name string, v gjson.Result) error {
	var err error
	var n int64
	switch name {
	case "topic":
		var b []byte
		b, err = recordBytes(v)
		f.Topic = string(b)
	case "key":
		f.Key, err = recordBytes(v)
	case "partition":
		n, err = strconv.ParseInt(v.Raw, 10, 32)
		f.Partition = int32(n)
	case "offset":
		f.Offset, err = strconv.ParseInt(v.Raw, 10, 64)
	case "timestamp":
		n, err = strconv.ParseInt(v.Raw, 10, 64)
		f.Timestamp = time.UnixMilli(n)
	case "names":
		err = f.readNames(v)
	case "values":
		err = f.readValues(v)
	}
	return err
}

func (f *recordForm) readNames(v gjson.Result) (err error) {
	if !v.IsArray() {
		return errors.New("not an array")
	}
	v.ForEach(func(_, name gjson.Result) bool {
		var b []byte
		if b, err = recordBytes(name); b == nil && err == nil {
			err = errors.New("a name is null")
		}
		f.names = append(f.names, string(b))
		return err == nil
	})
	return err
}

func (f *recordForm) readValues(v gjson.Result) (err error) {
	if !v.IsObject() {
		return errors.New("not an object")
	}
	f.values = map[string][][]byte{}
	v.ForEach(func(name, list gjson.Result) bool {
		if !list.IsArray() {
			err = errors.New("not an object of arrays")
			return false
		}
		var values [][]byte
		list.ForEach(func(_, one gjson.Result) bool {
			var b []byte
			b, err = recordBytes(one)
			values = append(values, b)
			return err == nil
		})
		f.values[decodeName(name.Str)] = values
		return err == nil
	})
	return err
}

// recordBytes is the inverse of appendBytes; null is nil.
func recordBytes(v gjson.Result) ([]byte, error) {
	switch v.Type {
	case gjson.Null:
		return nil, nil
	case gjson.String:
		return []byte(v.Str), nil
	case gjson.JSON:
		raw, found := strings.CutPrefix(v.Raw, `{"S":"`)
		raw, whole := strings.CutSuffix(raw, `"}`)
		if found && whole {
			return base64.StdEncoding.DecodeString(raw)
		}
	}
	return nil, errors.New("neither text nor bytes")
}
