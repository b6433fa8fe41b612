package journal_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
)

func entry(key string, rev int64) journal.Entry {
	return journal.Entry{Key: key, Rev: rev, ID: key + "-id", Print: 7}
}

func entries(key string, revs ...int64) []journal.Entry {
	var all []journal.Entry
	for _, r := range revs {
		all = append(all, entry(key, r))
	}
	return all
}

// TestCheckFindsWhatIsBroken breaks one promise at a time.
func TestCheckFindsWhatIsBroken(t *testing.T) {
	other := entry("a", 2)
	other.Print = 8
	renamed := entry("a", 2)
	renamed.ID = "another"
	for _, c := range []struct {
		name string
		o    journal.Outcome
		want string // how the first violation begins; empty: none
	}{
		{"all well", journal.Outcome{Got: entries("a", 1, 2, 3)}, ""},
		{"a copy sent", journal.Outcome{Sent: entries("a", 1, 2, 2, 3), Got: entries("a", 1, 2, 3)}, ""},
		{"lost", journal.Outcome{Got: entries("a", 1, 2)}, "I1: a: 1 of [3] are neither"},
		{"made up", journal.Outcome{Got: entries("a", 1, 2, 3, 4)}, "I1: a/4 was delivered and never sent"},
		{"dead", journal.Outcome{Got: entries("a", 1, 3), Dead: entries("a", 2)}, ""},
		{"parked", journal.Outcome{Got: entries("a", 1, 2), Parked: map[string]int{"a": 1}}, ""},
		{"dead and delivered", journal.Outcome{Got: entries("a", 1, 2, 3), Dead: entries("a", 2)}, "I1: a/2 is dead and was delivered"},
		{"dead twice", journal.Outcome{Got: entries("a", 1, 3), Dead: entries("a", 2, 2)}, "I1: a/2 is dead twice"},
		{"parked and delivered", journal.Outcome{Got: entries("a", 1, 2, 3), Parked: map[string]int{"a": 1}}, "I1: a: 1 are parked, and all but 0"},
		{"passed", journal.Outcome{Got: entries("a", 1, 3, 2)}, "I2: a/2 was first delivered after 3"},
		{"passed a parked one", journal.Outcome{Got: entries("a", 1, 3), Parked: map[string]int{"a": 1}}, "I2: a/3 was delivered without 2"},
		{"skipped", journal.Outcome{Sent: entries("a", 1, 3), Got: entries("a", 1, 3), Skipped: []journal.Span{{Key: "a", From: 2, To: 2}}}, ""},
		{"a hole", journal.Outcome{Sent: entries("a", 1, 3), Got: entries("a", 1, 3)}, "I2: a/3 was delivered without 2"},
		{"began late", journal.Outcome{Sent: entries("a", 2, 3), Got: entries("a", 2, 3)}, "I2: a/3 was delivered without 1"},
		{"doubled", journal.Outcome{Got: entries("a", 1, 2, 2, 3)}, "I3: a/2 is duplicate 1 of its key, 0 are allowed"},
		{"doubled by a crash", journal.Outcome{Got: entries("a", 1, 2, 1, 2, 3), Crashes: 1, MaxAhead: 2}, ""},
		{"doubled too often", journal.Outcome{Got: entries("a", 1, 2, 1, 2, 3), Crashes: 1, MaxAhead: 1}, "I3: a/2 is duplicate 2"},
		{"doubled with another id", journal.Outcome{Got: append(entries("a", 1, 2), renamed, entry("a", 3)), Crashes: 1, MaxAhead: 2}, "I3: a/2 came with the message id"},
		{"changed", journal.Outcome{Got: []journal.Entry{entry("a", 1), other, entry("a", 3)}}, "I9: a/2 has another body"},
		{"dead and changed", journal.Outcome{Got: entries("a", 1), Dead: []journal.Entry{other}, Parked: map[string]int{"a": 1}}, "I9: a/2 is dead with another body"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.First = 1
			if c.o.Sent == nil {
				c.o.Sent = entries("a", 1, 2, 3)
			}
			found := c.o.Check()
			switch {
			case c.want == "" && len(found) > 0:
				t.Errorf("found %q", found)
			case c.want != "" && (len(found) == 0 || !strings.HasPrefix(found[0].String(), c.want)):
				t.Errorf("found %q, want %q", found, c.want)
			}
		})
	}
}

func TestCheckReportsOnlyAFew(t *testing.T) {
	var sent []journal.Entry
	for r := range int64(1000) {
		sent = append(sent, entry(fmt.Sprint("k", r), 1))
	}
	if found := (journal.Outcome{Sent: sent, First: 1}).Check(); len(found) != 6 {
		t.Errorf("%d violations shown", len(found))
	}
}

func TestTrafficIsGaplessWhereverItEnds(t *testing.T) {
	stop := make(chan struct{})
	plan := journal.Traffic{Keys: 7, Displaced: 50, Repeated: 0.1, Messages: 1_000_000, Stop: stop, Seed: 3, Size: 16}
	seen := map[string][]int64{}
	n := 0
	for m := range plan.All() {
		if n++; n == 5000 {
			close(stop)
		}
		if !slices.Contains(seen[m.Key], m.Rev) {
			seen[m.Key] = append(seen[m.Key], m.Rev)
		}
	}
	for key, revs := range seen {
		if high := slices.Max(revs); high != int64(len(revs)) {
			t.Errorf("%s has %d revisions, the highest is %d", key, len(revs), high)
		}
	}
	if n < 5000 || n > 5200 {
		t.Errorf("%d messages", n)
	}
}

func TestTrafficIsDisplacedAndRepeated(t *testing.T) {
	swapped, copies := 0, 0
	seen := map[string]bool{}
	last := map[string]int64{}
	for m := range (journal.Traffic{Keys: 10, Displaced: 200, Repeated: 0.01, Messages: 10_000, Size: 16}).All() {
		if m.Rev < last[m.Key] {
			swapped++
		}
		last[m.Key] = m.Rev
		if seen[m.ID] {
			copies++
		}
		seen[m.ID] = true
	}
	if swapped < 1000 || copies < 50 || copies > 200 || len(seen) != 10_000 {
		t.Errorf("%d swapped, %d copies, %d messages", swapped, copies, len(seen))
	}
}
