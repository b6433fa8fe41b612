package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
)

// noTrouble says that a run without trouble must not pass for one with it.
func (s *stage) noTrouble(t *testing.T) error {
	none := trouble{name: "none", first: func(*load.Message) bool { return true }}
	_, err := s.troubled(t.Context(), little.waiting(), direction{rabbitMQ, kafka}, littleRate, none)
	if err == nil || !strings.Contains(err.Error(), "0 keys are in trouble, want 2") {
		return fmt.Errorf("its error is %w", err)
	}
	return nil
}

// The first message of a key in trouble is what troubles it, and none of them is
// awaited or timed.
func TestOnlyChosenKeysAreInTrouble(t *testing.T) {
	p := plan{Keys: 200, Messages: 400, Size: 64}
	c := (&crowd{plan: p, name: "key", rare: rare, trouble: troubles[1]}).expect()
	poisoned := map[int]bool{99: true, 199: true}
	for i := range p.Messages {
		if m, sent := c.message(i); !sent || (m.Size > takenSize) != poisoned[i] {
			t.Errorf("message %d: %v, %d bytes", i, sent, m.Size)
		}
	}
	if c.seen.missing != 396 {
		t.Errorf("%d are awaited", c.seen.missing)
	}
	if arrivals(c, 98, 299); c.found.Breaks != 1 || c.here != 1 {
		t.Errorf("%+v, %d here", c.found, c.here)
	}
	c.trouble = troubles[3]
	if _, sent := c.message(99); sent {
		t.Error("a gap is filled")
	}
	if _, sent := c.message(299); !sent {
		t.Error("what follows a gap is not sent")
	}
}

func TestAMetricIsTheSumOfItsLines(t *testing.T) {
	says := "# HELP waiting x\nwaiting{route=\"a\"} 3\nwaiting{route=\"b\"} 4\nwaiting_not 9\nodd x\n"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" {
			_, _ = w.Write([]byte(says))
		}
	}))
	defer server.Close()
	b := &bridge{words: filepath.Join(t.TempDir(), "log")}
	if err := os.WriteFile(b.words, []byte("health="+server.URL+"/readyz?verbose"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"waiting": 7, "absent": 0} {
		if got, err := b.gauge(t.Context(), name); got != want || err != nil {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
	if got, err := b.gauge(t.Context(), "odd"); err == nil {
		t.Errorf("what is no number is %d", got)
	}
}

func TestTheTableOfTroubles(t *testing.T) {
	d := disturbance{direction: direction{kafka, rabbitMQ}, Sent: 500, Runs: map[string][]pace{}}
	for i, c := range troubles {
		rate := float64(500 - 50*i)
		d.Runs[c.name] = []pace{{Rate: rate, P50: 1, P99: 2, Found: unharmed}, {Rate: 500, P50: 3, P99: 4, Found: unharmed}}
	}
	want := `Kafka to RabbitMQ, 500 msg/s sent; ms
1 % of keys   rate : undisturbed     p50                       p99
undisturbed   1.00 (1.00..1.00)      2.00 (1.00..3.00)         3.00 (2.00..4.00)         all there, once, in order
quarantined   0.95 (0.90..1.00)      2.00 (1.00..3.00)         3.00 (2.00..4.00)         all there, once, in order
retrying      0.90 (0.80..1.00)      2.00 (1.00..3.00)         3.00 (2.00..4.00)         all there, once, in order
in a gap      0.85 (0.70..1.00)      2.00 (1.00..3.00)         3.00 (2.00..4.00)         all there, once, in order
`
	if got := d.table(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
