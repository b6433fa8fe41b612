package main

import (
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// A terminal gets as much of a body as somebody may want to read there.
func TestBodiesAreShownInPart(t *testing.T) {
	for name, c := range map[string]struct {
		body []byte
		want string
		most int
	}{
		"null":       {nil, "body, null", 20},
		"empty":      {[]byte{}, "body, 0 bytes", 20},
		"text":       {[]byte("a\tb\nc"), "body, 5 bytes\n  a\tb\n  c\n", 40},
		"long text":  {[]byte(strings.Repeat("é", maxText)), "body, the first 4096 of 8192 bytes\n  é", maxText + 50},
		"huge text":  {[]byte(strings.Repeat("xyz", 1<<20)), "body, the first 4096 of 3145728 bytes\n  x", maxText + 60},
		"bytes":      {[]byte{0xff, 0x1b}, "body, 2 bytes\n  00000000  ff 1b", 120},
		"many bytes": {[]byte(strings.Repeat("\xff", 5000)), "body, the first 1024 of 5000 bytes\n  00000000  ff", 6000},
	} {
		var out strings.Builder
		bodyText(&out, api.NewBytes(c.body, 256<<10))
		if got := out.String(); !strings.HasPrefix(got, "\n"+c.want) || len(got) > c.most || strings.Contains(got, "\x1b") {
			t.Errorf("%s: %d bytes, %.80q", name, len(got), got)
		}
	}
}
