package config

import (
	"strings"
	"testing"
)

// Every row of the table is met by the file that has every setting.
func TestUnavailable(t *testing.T) {
	f := load(t, "testdata/good/every-setting.yaml")
	faults := Unavailable(f)
	golden(t, "testdata/unavailable.txt", faults.Report())
	text := faults.Error()
	for _, row := range later {
		if !strings.Contains(text, "not in this release: "+row.what) {
			t.Errorf("nothing uses %q", row.what)
		}
	}
}

// What only the defaults say is said of them, and once.
func TestUnavailableInDefaults(t *testing.T) {
	f, err := Parse("bridge.yaml", []byte(`
brokers: { m: { memory: {} } }
defaults: { order: { by: arrival, forget_after: 24h } }
routes:
  - { name: a, from: { broker: m, queue: a }, to: { broker: m, queue: b } }
  - { name: c, from: { broker: m, queue: c }, to: { broker: m, queue: d }, order: { forget_after: 48h } }
  - { name: e, from: { broker: m, queue: e }, to: { broker: m, queue: f } }
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := Unavailable(f).Error()
	for path, want := range map[string]int{
		"defaults.order.forget_after": 1, "routes[1].order.forget_after": 1, "routes[0].order.forget_after": 0,
	} {
		if n := strings.Count(got, ": "+path+": "); n != want {
			t.Errorf("%s: %d times in\n%s", path, n, got)
		}
	}
}
