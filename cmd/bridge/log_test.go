package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/status"
)

// Ten thousand messages, a thousand of them given up for one cause: some lines, and
// one that says how many more there were.
func TestNothingIsLoggedPerMessage(t *testing.T) {
	var out output
	flags := logFlags{format: choice{value: "json"}, level: choice{value: "info"}}
	log, closed := flags.open(&out)
	s := newLoggedSite(t, operated, log)
	for i := range 9000 {
		s.put("strict", fmt.Sprint("key-", i%100), 1+i/100)
	}
	for i := range 1000 {
		s.put("lax", fmt.Sprint("bad-", i), -1)
	}
	s.balanced("strict", status.Counts{Delivered: 9000})
	s.balanced("lax", status.Counts{Dead: 1000})
	closed()
	got, more := strings.Split(strings.TrimSpace(out.String()), "\n"), 0
	for _, l := range got {
		var line struct {
			Msg, Key, Reason string
			Times            int
		}
		if err := json.Unmarshal([]byte(l), &line); err != nil {
			t.Fatal(err)
		}
		more += line.Times
		if strings.HasPrefix(line.Msg, "dead letter") && (!strings.HasPrefix(line.Key, "bad-") || line.Reason != "too_large") {
			t.Error(l)
		}
	}
	if len(got) > 60 || more < 900 {
		t.Errorf("%d lines, and %d more:\n%s", len(got), more, strings.Join(got, "\n"))
	}
}
