package ordering_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
)

var wholeNumber = regexp.MustCompile(`^[0-9]+$`)

// FuzzD6Identify reads key and revision from headers, and asks that what can be read is
// what the grammar says, and that what cannot has a reason.
func FuzzD6Identify(f *testing.F) {
	for _, rev := range []string{"1", "-1", "007", "1e3", "1.0", "9223372036854775808", "٣", " 1", "", "0x1"} {
		f.Add("key", rev, "0")
	}
	f.Add(strings.Repeat("k", 4097), "1", "4294967296")
	f.Add("\xff\x00", "1", "4294967295")
	by := ordering.By{Key: []ordering.Field{ordering.Header("key")}, Revision: ordering.Header("rev"), Epoch: ordering.Header("epoch")}
	f.Fuzz(func(t *testing.T, key, rev, epoch string) {
		id, err := by.Identify(&message.Message{Metadata: message.Metadata{"key": key, "rev": rev, "epoch": epoch}})
		good := key != "" && len(key) <= ordering.MaxKey && isNumber(rev, 63) && isNumber(epoch, 32)
		var refused *ordering.IdentifyError
		switch {
		case good && (err != nil || id.Key != key):
			t.Errorf("%q %q %q: %+v, %v", key, rev, epoch, id, err)
		case good && strings.TrimLeft(rev, "0") != strings.TrimLeft(big.NewInt(int64(id.Revision)).String(), "0"):
			t.Errorf("%q is %d", rev, id.Revision)
		case !good && (!errors.As(err, &refused) || refused.Reason == "" || refused.Err == nil):
			t.Errorf("%q %q %q: %+v, %v", key, rev, epoch, id, err)
		}
	})
}

// isNumber reports whether a text is digits and fits into so many bits.
func isNumber(text string, bits int) bool {
	n, ok := new(big.Int).SetString(text, 10)
	return ok && wholeNumber.MatchString(text) && n.BitLen() <= bits
}

// FuzzD6JSON reads a field of a body, and asks encoding/json what it is.
func FuzzD6JSON(f *testing.F) {
	for _, body := range []string{
		`{"id":"a"}`, `{"id":7}`, `{"id":1e3}`, `{"id":null}`, `{"id":{}}`, `{"id":"\ud800"}`, `{"id":"\u0000"}`, `{"id":1,"id":2}`, `{"\u0069d":1}`, `{"a":{"id":"b"}}`,
		`[]`, `"id"`, ``, ` `, `{`, `{"id":01}`, `{"id":"a"} x`, "\xef\xbb\xbf{}", `{"id":"` + "\xff" + `"}`, strings.Repeat("[", 300),
	} {
		f.Add([]byte(body))
	}
	read := ordering.JSON("id")
	f.Fuzz(func(t *testing.T, body []byte) {
		value, found, err := read(&message.Message{Payload: body})
		if !json.Valid(body) {
			return // gjson is more lenient with what is in a text
		}
		if errors.As(err, new(*ordering.IdentifyError)) {
			t.Fatalf("%q is JSON: %v", body, err)
		}
		var doc map[string]json.RawMessage
		if json.Unmarshal(body, &doc) != nil || bytes.Count(body, []byte(`"id"`)) > 1 || bytes.Contains(body, []byte(`\`)) || !utf8.Valid(body) {
			return // no object, or members of the same name, or a text that is not as it is written
		}
		raw, there := doc["id"]
		switch {
		case !there || string(raw) == "null":
			if found || value != "" {
				t.Errorf("%s: found %q", body, value)
			}
		case raw[0] == '{' || raw[0] == '[':
			if err == nil {
				t.Errorf("%s: read %q", body, value)
			}
		case raw[0] == '"':
			if err != nil || value != string(raw[1:len(raw)-1]) {
				t.Errorf("%s: %q, %v", body, value, err)
			}
		case value != string(raw):
			t.Errorf("%s: %q, want %s", body, value, raw)
		}
	})
}
