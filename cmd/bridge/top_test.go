package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// crowded is more than a screen has room for, with names that are too long and
// texts that command the terminal.
func crowded(at time.Time, n int64) sight {
	s := sight{At: at}
	for i := range 5 {
		s.Routes = append(s.Routes, status.Route{
			Name: fmt.Sprintf("route-%d-%s\x1b[2J", i, strings.Repeat("x", 60)), State: status.Starting, Since: noon, Breaker: "half-open", Reason: "target: \x1b[2Jaway",
			Sources: []status.End{{Broker: "b", Name: "amqp queue q", Lag: 123456789}},
			Counts: status.Counts{
				Received: n, Delivered: n / 2, InMemory: 99999, Parked: 123456, Dead: 9999, Keys: map[string]int64{"quarantined": 1, "gap_blocked": 2, "locked": 3},
			},
		})
	}
	for i := range 12 {
		s.Groups = append(s.Groups, api.Group{Route: "r", Fingerprint: "0123456789abcdef", Reason: "late", Error: strings.Repeat("日本\x1b[2J", 40), Dead: 5, ParkedBehind: int64(i)})
	}
	s.Operations = []api.Operation{{Route: "r", Action: "redrive", State: "paused", Changed: noon, Total: 1200, Left: 600, Failed: 1, Speed: 12.34, New: 1}}
	return s
}

func TestTheScreenHoldsWhatItShows(t *testing.T) {
	p := &picture{}
	p.see(crowded(noon, 1000), nil)
	p.see(crowded(noon.Add(2*time.Second), 41000), nil)
	for _, size := range [][2]int{{80, 24}, {40, 5}, {20, 1}, {200, 60}} {
		shown := p.fit(size[0], size[1])
		if len(shown) > size[1] {
			t.Errorf("%v: %d lines", size, len(shown))
		}
		for _, line := range shown {
			plain := strings.NewReplacer("\x1b[7m", "", "\x1b[0m", "").Replace(line)
			if len([]rune(plain)) > size[0] || strings.ContainsRune(plain, '\x1b') {
				t.Errorf("%v: %q", size, line)
			}
		}
	}
	shown := strings.Join(p.fit(80, 24), "\n")
	for _, want := range []string{
		"  ROUTE          STATE     IN/S OUT/S    LAG  HELD PARKED   DEAD BLOCK BREAKER\n",
		"\x1b[7m> route-0-xxxxx… starting 20.0k 10.0k   123M 99.9k   123k   9999     6 half-open\x1b[0m",
		"      5     0     11 0123456789abcdef r late: ",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not in\n%s", want, shown)
		}
	}
	p.see(sight{}, errors.New("nobody\x1b[2J"))
	if shown = strings.Join(p.fit(80, 24), "\n"); !strings.Contains(shown, `NO ANSWER: nobody\x1b[2J`) || !strings.Contains(shown, "route-0") {
		t.Error(shown)
	}
}

func TestKeysMoveTheSelection(t *testing.T) {
	p := &picture{}
	p.see(crowded(noon, 0), nil)
	for _, step := range []struct {
		key  string
		want int
	}{{"k", 0}, {"j", 1}, {"\x1b[B", 2}, {"\x1b[A", 1}, {"x", 1}, {"j", 2}, {"j", 3}, {"j", 4}, {"j", 4}} {
		if !p.press(step.key) || p.selected != step.want {
			t.Errorf("%q: %d, want %d", step.key, p.selected, step.want)
		}
	}
	p.see(sight{Routes: crowded(noon, 0).Routes[:2]}, nil)
	if p.selected != 1 {
		t.Error(p.selected)
	}
	for _, key := range []string{"q", "\x03"} {
		if p.press(key) {
			t.Errorf("%q goes on", key)
		}
	}
}

// A route that was started anew counts from 0 again: nothing is known of its speed.
func TestSpeedsNeedTwoLooksAtTheSameRun(t *testing.T) {
	p := &picture{}
	p.see(crowded(noon, 1000), nil)
	if in, out := p.speeds(p.now.Routes[0]); in != "-" || out != "-" {
		t.Error(in, out)
	}
	p.see(crowded(noon.Add(time.Second), 10), nil)
	if in, out := p.speeds(p.now.Routes[0]); in != "-" || out != "-" {
		t.Error(in, out)
	}
}

func TestProgressInALine(t *testing.T) {
	op := api.Operation{Route: "orders", Action: "redrive", Total: 2300, Left: 1100, Failed: 3, Refused: 1, Speed: 120.4, LeftSeconds: 9, New: 5}
	for width, want := range map[int]string{
		120: "[##########..........]  52% 1,200/2,300, 3 failed, 1 refused, 120/s, 9s to go, 5 new failures since it began (redrive o…",
		30:  "1,200/2,300, 3 failed, 1 refu…",
	} {
		if got := barText(progressText(op), op.Total-op.Left, op.Total, width); got != want {
			t.Errorf("%d: %q, want %q", width, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000"} {
		if got := count(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	for n, want := range map[int64]string{9999: "9999", 12345: "12.3k", 999999: "999k", 1234567: "1.23M", 2e12: "2.00T"} {
		if got := compact(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
