package events_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/brokerbridge/bridge/bridge/events"
	"github.com/brokerbridge/bridge/ordering/store"
)

// FuzzEvent tells of a message with any key that failed with any words: attributes are
// texts without control characters, the data is JSON, and the key comes back from it.
func FuzzEvent(f *testing.F) {
	f.Add("key", "error", "who")
	f.Add("\xff\x00", strings.Repeat("é", 4000), "\r\n")
	f.Add("a\nb", "\x1b[2J\xff", "")
	f.Fuzz(func(t *testing.T, key, failure, by string) {
		e := events.Of("/source", "r", "owner", &store.Event{Type: "dead_letter", Key: key, Error: failure, By: by})
		m, err := e.Kafka()
		if err != nil {
			t.Fatal(err)
		}
		for name, v := range m.Metadata {
			if !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) {
				t.Errorf("the attribute %s is %q", name, v)
			}
		}
		if doc, err := e.JSON(); err != nil || !json.Valid(doc) {
			t.Errorf("%s, %v", doc, err)
		}
		var d events.Data
		if err := json.Unmarshal(m.Payload, &d); err != nil || d.Key+string(d.KeyBase64) != key {
			t.Errorf("%q came as %s, %v", key, m.Payload, err)
		}
	})
}
