package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// A dead letter blocks its key; redriven in vain it does so again, redriven when
// its cause is gone it comes at its place, and what waited follows.
func TestI2_I12_RedriveByCommand(t *testing.T) {
	s := newSite(t)
	s.put("strict", "a", 1, -2, 3, 4)
	s.put("strict", "b", 1, 2)
	s.awaitState("strict", "a", "quarantined", 2)
	s.await("the other key", func() bool { return s.came("strict", "b") == "1 2" })
	w := s.explained("strict", "a")
	if w.DeadLetter == nil || w.DeadLetter.Reason != "too_large" || w.Behind.Count != 2 || !w.Blocked {
		t.Fatalf("%+v", w)
	}
	id := w.DeadLetter.ID
	if said := s.types(done, "dlq", "redrive", id, "--dry-run"); !strings.HasPrefix(said, "dry run: route strict: redrives revision 2") {
		t.Error(said)
	}
	s.typed(w, "redrive")
	s.await("the second failure", func() bool {
		var d api.DeadLetterDetail
		_ = json.Unmarshal([]byte(s.types(done, "dlq", "show", id, "-o", "json")), &d)
		return d.At.After(w.DeadLetter.At) && s.explained("strict", "a").Due.IsZero()
	})
	if s.came("strict", "a") != "1" {
		t.Fatalf("successors have passed it: %s", s.came("strict", "a"))
	}
	s.broken.Store(false)
	if said := s.types(done, "dlq", "redrive", "--key", "a", "--reason", "fixed"); !strings.Contains(said, "redrives revision 2") {
		t.Error(said)
	}
	s.await("the rest in order", func() bool { return s.came("strict", "a") == "1 2 3 4" })
	s.types(failed, "dlq", "redrive", id, "--reason", "again")
	s.balanced("strict", status.Counts{Delivered: 6, Redriven: 1})
	audit := s.types(done, "audit", "ls", "--key", "a")
	if n := strings.Count(audit, "redrive"); n != 2 || !strings.Contains(audit, id) || !strings.Contains(audit, "tested") || !strings.Contains(audit, whoAmI()) {
		t.Errorf("the audit has %d:\n%s", n, audit)
	}
}

// Several dead letters are settled at once, one lane after the other.
func TestDiscardByCommand(t *testing.T) {
	s := newSite(t)
	s.put("strict", "a", -1, 2)
	s.put("strict", "b", 1, -2, 3)
	s.put("lax", "a", -1, 2)
	s.awaitState("strict", "a", "quarantined", 1)
	s.awaitState("strict", "b", "quarantined", 1)
	s.await("the lax route", func() bool { return s.came("lax", "a") == "2" })
	var ids []string
	for _, key := range []string{"a", "b"} {
		ids = append(ids, s.explained("strict", key).DeadLetter.ID)
	}
	// The same key and revision are the same id on another route.
	if said := s.types(invalid, "dlq", "discard", ids[0], "--reason", "r"); !strings.Contains(said, "say which with --route") {
		t.Error(said)
	}
	s.types(done, "dlq", "discard", ids[0], ids[1], "--route", "strict", "--reason", "r", "--dry-run")
	s.balanced("strict", status.Counts{Delivered: 1, Dead: 2, Parked: 2})
	if said := s.types(failed, "dlq", "discard", ids[0], "nobody", ids[1], "--route", "strict", "--reason", "r"); strings.Count(said, "discards") != 2 {
		t.Error(said)
	}
	s.await("what waited", func() bool { return s.came("strict", "a") == "2" && s.came("strict", "b") == "1 3" })
	s.balanced("strict", status.Counts{Delivered: 3, Discarded: 2})
	s.balanced("lax", status.Counts{Delivered: 1, Dead: 1})
}

// What successors have passed is refused, unless that is said.
func TestI2_OutOfOrderOnlyIfSaid(t *testing.T) {
	s := newSite(t)
	s.put("lax", "a", 1, -2, 3, -4, 5)
	s.await("the successors", func() bool { return s.came("lax", "a") == "1 3 5" })
	s.broken.Store(false)
	said := s.types(failed, "dlq", "redrive", "--key", "a", "--reason", "fixed")
	if strings.Count(said, "--out-of-order") != 1 || strings.Contains(said, "redrives") {
		t.Error(said)
	}
	s.types(done, "dlq", "redrive", "--key", "a", "--reason", "fixed", "--out-of-order")
	s.await("the passed ones", func() bool { return s.came("lax", "a") == "1 3 5 2 4" })
	s.balanced("lax", status.Counts{Delivered: 5, Redriven: 2})
}

// A gap is skipped by the command that explain suggests, or given its time again.
func TestSkipAndReleaseByCommand(t *testing.T) {
	s := newSite(t)
	s.put("strict", "a", 1, 4, 5)
	s.put("strict", "b", 2)
	s.awaitState("strict", "a", "gap_blocked", 2)
	s.awaitState("strict", "b", "gap_blocked", 1)
	list := s.types(done, "dlq", "ls")
	if strings.Count(list, "gap_timeout") != 2 || !strings.Contains(list, "revisions 2 to 3 did not come in time") {
		t.Error(list)
	}
	s.balanced("strict", status.Counts{Delivered: 1, Parked: 3}) // the entries for gaps count nowhere
	s.types(failed, "dlq", "discard", "gap-YQ", "--reason", "r")
	if said := s.typed(s.explained("strict", "a"), "skip"); !strings.Contains(said, "without revisions 2 to 3") {
		t.Error(said)
	}
	s.await("what waited", func() bool { return s.came("strict", "a") == "1 4 5" })
	since := s.explained("strict", "b").Since
	s.typed(s.explained("strict", "b"), "release")
	s.await("the gap's second end", func() bool {
		w := s.explained("strict", "b")
		return w.State == "gap_blocked" && w.Since.After(since)
	})
	s.put("strict", "b", 1)
	s.await("the missing one", func() bool { return s.came("strict", "b") == "1 2" })
	s.types(failed, "keys", "release", "b", "--reason", "r")
	s.balanced("strict", status.Counts{Delivered: 5, Skipped: 2})
	shown := s.types(done, "keys", "show", "a", "--route", "strict")
	if !strings.Contains(shown, "revisions 2 to 3 by "+whoAmI()) {
		t.Error(shown)
	}
}

// A record that was created anew is released into its new epoch.
func TestNewEpochByCommand(t *testing.T) {
	s := newSite(t)
	s.put("strict", "a", 1, 2, 3)
	s.await("the old record", func() bool { return s.came("strict", "a") == "1 2 3" })
	for rev := 1; rev <= 3; rev++ {
		m := message.NewMessage(fmt.Sprintf("again-%d", rev), []byte("anew "+strconv.Itoa(rev)))
		m.Metadata["key"], m.Metadata["revision"] = "a", strconv.Itoa(rev)
		s.in.Put("strict", m)
	}
	var e api.Explanation
	s.await("the locked epoch", func() bool {
		e = api.Explanation{}
		_ = json.Unmarshal([]byte(s.types(done, "explain", "a", "-o", "json", "--route", "strict")), &e)
		return len(e.Epochs) == 2 && e.Epochs[1].State == "locked" && len(e.Beside) == 2
	})
	s.typed(e.Epochs[1], "release")
	s.await("the new record", func() bool { return s.came("strict", "a") == "1 2 3 1 2 3" })
	s.balanced("strict", status.Counts{Delivered: 6, Redriven: 2})
}

// A route that an operator pauses takes nothing until it is resumed.
func TestPauseAndResumeByCommand(t *testing.T) {
	s := newSite(t)
	s.put("strict", "a", 1)
	s.await("the first", func() bool { return s.came("strict", "a") == "1" })
	s.types(done, "routes", "pause", "strict", "--reason", "lunch", "--dry-run")
	s.put("strict", "a", 2)
	s.await("the second", func() bool { return s.came("strict", "a") == "1 2" })
	s.types(done, "routes", "pause", "strict", "--reason", "lunch")
	if list := s.types(done, "routes", "ls"); !strings.Contains(list, "operator: lunch") || !strings.Contains(list, "paused") {
		t.Error(list)
	}
	if said := s.types(done, "routes", "pause", "strict", "--reason", "again"); !strings.Contains(said, "nothing to do") {
		t.Error(said)
	}
	s.put("strict", "a", 3, 5)
	s.put("lax", "a", 1)
	s.await("the other route", func() bool { return s.came("lax", "a") == "1" })
	time.Sleep(500 * time.Millisecond)
	if s.came("strict", "a") != "1 2" {
		t.Errorf("a paused route took a message: %s", s.came("strict", "a"))
	}
	if said := s.types(done, "explain", "a", "--route", "strict"); !strings.Contains(said, "bridge routes resume strict --admin "+s.address) {
		t.Error(said)
	}
	s.types(done, "routes", "resume", "strict", "--reason", "back")
	s.await("what waited", func() bool { return s.came("strict", "a") == "1 2 3" })
	if said := s.types(done, "routes", "resume", "strict", "--reason", "again"); !strings.Contains(said, "nothing to do") {
		t.Error(said)
	}
	s.types(invalid, "routes", "resume", "halting", "--accept-offset", "--reason", "no Kafka here")
	audit := s.types(done, "audit", "ls", "--route", "strict")
	if strings.Count(audit, "lunch") != 1 || strings.Count(audit, "back") != 1 || strings.Count(audit, "again") != 0 {
		t.Error(audit)
	}
}

// A route that stopped by itself starts again when it is told to, as often as it
// takes; while it stands, its keys cannot be changed.
func TestAHaltedRouteIsStartedAgain(t *testing.T) {
	s := newSite(t)
	s.put("halting", "a", 1, -2, 3)
	halted := func() bool {
		return strings.Contains(s.types(done, "routes", "ls"), "dead_letter: ")
	}
	s.await("the halt", halted)
	if said := s.types(failed, "keys", "skip", "a", "--to", "3", "--route", "halting", "--reason", "r"); !strings.Contains(said, "paused: dead_letter: ") {
		t.Error(said)
	}
	s.types(done, "routes", "resume", "halting", "--reason", "try it")
	s.await("the second halt", func() bool {
		return halted() && strings.Count(s.types(done, "audit", "ls"), "resume") == 1
	})
	if s.came("halting", "a") != "1" {
		t.Fatal(s.came("halting", "a"))
	}
	s.broken.Store(false)
	s.await("its third run", func() bool {
		s.types(done, "routes", "resume", "halting", "--reason", "fixed")
		return s.came("halting", "a") == "1 2 3"
	})
	s.put("halting", "a", 4)
	s.await("it goes on", func() bool { return s.came("halting", "a") == "1 2 3 4" })
}

func TestKeysOfAnyBytesAreChanged(t *testing.T) {
	s := newSite(t)
	keys := []string{"--flag", "it's a key", "\xff\x1b[2J", "a/../b", "$(x)"}
	for _, key := range keys {
		s.put("strict", key, -1)
	}
	for _, key := range keys {
		s.await("a dead letter of "+key, func() bool {
			return strings.Contains(s.types(done, "dlq", "ls", "--key="+key), "too_large")
		})
		if said := s.types(done, "explain", "--", key); strings.ContainsRune(said, '\x1b') || !utf8.ValidString(said) {
			t.Errorf("%q", said)
		}
	}
	s.broken.Store(false)
	for _, key := range keys {
		s.types(done, "dlq", "redrive", "--key="+key, "--reason", "\x1b[2J\u202e")
		s.await(key, func() bool { return s.came("strict", key) == "1" })
	}
	if audit := s.types(done, "audit", "ls", "-o", "json"); strings.ContainsAny(audit, "\x1b\u202e") || strings.Count(audit, "redrive") != len(keys) {
		t.Errorf("%q", audit)
	}
	if slices.ContainsFunc(keys, func(k string) bool { return s.came("strict", k) != "1" }) {
		t.Error("not all came once")
	}
}
