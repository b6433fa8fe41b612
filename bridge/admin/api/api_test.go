package api_test

import (
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
