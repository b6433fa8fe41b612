package api_test

import (
	"encoding/json"
	"testing"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

func TestBytesKeepRunesWhole(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		text  string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"aé", 2, "a"}, {"日本", 5, "日"}, {"", 0, ""}} {
		b := api.NewBytes([]byte(c.in), c.limit)
		if b.Text == nil || *b.Text != c.text || b.Truncated != (len(c.in) > c.limit) || b.Size != len(c.in) {
			t.Errorf("%q: %+v", c.in, b)
		}
	}
	if b := api.NewBytes([]byte("a\xffb"), 2); b.Text != nil || string(b.Base64) != "a\xff" || !b.Truncated {
		t.Errorf("%+v", b)
	}
}

// TestI9_NamesThatAreNoText come whole out of JSON: names of headers and ids of messages
// may hold any bytes, and two that look alike as text are two.
func TestI9_NamesThatAreNoText(t *testing.T) {
	for _, name := range []string{"plain", "", "é\x00\n", "a\xff", "a\xfe", "\xed\xa0\x80", "�"} {
		in := api.Letter{Headers: []api.Header{api.NewHeader(name, name, len(name))}}
		in.MessageName, in.KeyName = api.NewMessageName(name), api.NewKeyName(name)
		text, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var out api.Letter
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatal(err)
		}
		if h := out.Headers[0]; h.RawName() != name || string(h.Value.Raw()) != name || out.RawID() != name || out.Raw() != name {
			t.Errorf("%q came as %s", name, text)
		}
	}
}
