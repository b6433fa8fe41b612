package main

import (
	"strings"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
)

const masked = operated + `
    dead_letter: { edit: true }
admin:
  mask: { headers: [x-token], fields: [card.number] }
  trace_url: "https://jaeger.example/{trace}"
`

// What the topology masks is masked for the command line, too, which says so.
func TestMaskedByCommand(t *testing.T) {
	s := newSiteOf(t, strings.Replace(masked, "\n    dead_letter: { then: stop }", "", 1))
	for key, body := range map[string]string{"a": `{"card":{"number":4111222233334444},"n":1}`, "b": "bad 4111222233334444"} {
		m := message.NewMessage(key, []byte(body))
		m.Metadata["key"], m.Metadata["revision"], m.Metadata["x-token"] = key, "none", "of alice"
		s.in.Put("halting", m)
	}
	s.await("the dead letters", func() bool { return strings.Count(s.types(done, "dlq", "ls"), "not a whole number") == 2 })
	for key, want := range map[string]string{
		"a": "payloads are masked for you\n\nheaders\n  key: a\n  revision: none\n  x-token: ***\n\nbody, 42 bytes, masked\n  {\"card\":{\"number\":\"***\"},\"n\":1}\n",
		"b": "\nbody, 20 bytes, not shown: it is no JSON, in which what is to be masked could be found\n",
	} {
		id := strings.Fields(s.types(done, "dlq", "ls", "--key", key, "-o", "jsonl"))[0]
		id, _, _ = strings.Cut(strings.SplitAfter(id, `"id":"`)[1], `"`)
		said := s.types(done, "dlq", "show", id)
		if !strings.Contains(said, want) || strings.Contains(said, "4111") || strings.Contains(said, "alice") {
			t.Errorf("%s:\n%s", key, said)
		}
		for _, args := range [][]string{{"export"}, {"edit", id, "--set-header", "a=b", "--reason", "r"}} {
			said := s.types(failed, append([]string{"dlq"}, args...)...)
			if !strings.Contains(said, "payloads are masked for you") || !strings.Contains(said, "a token with payloads: full") {
				t.Errorf("%v: %s", args, said)
			}
		}
	}
}
