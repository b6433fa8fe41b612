package storetest

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

func ledgerAddsWhatIsGiven(t *testing.T, s *subject) {
	given := store.Ledger{
		Delivered: 1, Duplicates: 2, Unverified: 3, Discarded: 4, Archived: 5, Purged: 6,
		Expired: 7, Imported: 8, Redriven: 9, Skipped: 10, Filtered: 11, Restored: 12,
	}
	c := step(key("a"), 0)
	c.Ledger = given
	c.Ledger.DeadLettered, c.Ledger.ParkedTotal = 100, 100 // the store knows better
	c.Ledger.Parked, c.Ledger.ParkedBytes, c.Ledger.Dead, c.Ledger.Unmirrored = 100, 100, 100, 100
	c.Ledger.Kept, c.Ledger.OpenSkips, c.Ledger.Unsent = 100, 100, 100
	s.commit(t, c)
	equal(t, s.ledger(t), given)
	s.commit(t, store.Change{Key: key(""), Ledger: given})
	s.commit(t, store.Change{Key: key(""), Ledger: store.Ledger{Delivered: -1}})
	want := given.Add(given)
	want.Delivered--
	equal(t, s.ledger(t), want)
}

func ledgerDerivesParked(t *testing.T, s *subject) {
	k := key("a")
	size := func(r lane.Revision) int64 {
		m := message(r, fmt.Sprint(r))
		return m.Size()
	}
	want := func(parked, bytes, total int64) {
		t.Helper()
		equal(t, s.ledger(t), store.Ledger{Parked: parked, ParkedBytes: bytes, ParkedTotal: total})
	}
	s.commit(t, park(k, 0, message(5, "5"), message(6, "6")))
	want(2, size(5)+size(6), 2)

	larger := message(5, "5")
	larger.Payload = append(larger.Payload, "and more"...)
	s.commit(t, park(k, 1, larger)) // replaced
	want(2, size(5)+size(6)+8, 2)

	c := park(k, 2, message(7, "7"), message(8, "8"), message(8, "8"))
	c.Unpark = []lane.Revision{5, 7, 99, 5} // 7 comes and goes, 99 never was
	s.commit(t, c)
	want(2, size(6)+size(8), 4)

	c = step(k, 3)
	c.Unpark = []lane.Revision{6, 8}
	other := park(key("b"), 0, message(6, "6"))
	s.commit(t, c, other)
	want(1, size(6), 5)

	c = step(k, 4)
	c.Unpark = []lane.Revision{6, 8} // gone already
	s.commit(t, c)
	want(1, size(6), 5)
}

func ledgerDerivesDead(t *testing.T, s *subject) {
	want := func(now, ever, again int64) {
		t.Helper()
		equal(t, s.ledger(t), store.Ledger{Dead: now, DeadLettered: ever, Duplicates: again, Unmirrored: now})
	}
	letters := func(gone []string, ids ...string) store.Change {
		c := store.Change{Key: key(""), Gone: gone}
		for _, id := range ids {
			c.Dead = append(c.Dead, dead(id, "a"))
		}
		return c
	}
	s.commit(t, letters(nil, "1", "2", "2"))
	want(2, 2, 1)
	s.commit(t, letters(nil, "1"), letters(nil, "3"), letters(nil, "3")) // replaced, also within a call
	want(3, 3, 3)
	s.commit(t, letters([]string{"1", "1", "9"}))
	want(2, 3, 3)
	s.commit(t, letters([]string{"2"}, "2")) // gone, then dead once more
	want(2, 4, 3)
	s.commit(t, letters(nil, "4"), letters([]string{"4"}))
	want(2, 5, 3)
	blocking := letters(nil, "5", "5")
	blocking.Dead[0].Lane, blocking.Dead[1].Lane = true, true
	s.commit(t, blocking) // the same head given up again is no copy
	want(3, 6, 3)
	equal(t, s.deadIDs(t, store.Query{Key: "a"}), []string{"2", "3", "5"})
}

func ledgerIgnoresRefusedChanges(t *testing.T, s *subject) {
	c := park(key("a"), 3, message(5, "5"))
	c.Ledger.Delivered = 5
	c.Dead = []store.DeadLetter{dead("1", "a")}
	is(t, s.Commit(t.Context(), c)[0], store.ErrConflict)
	equal(t, s.ledger(t), store.Ledger{})
}

// largeCommitIsWhole commits more than a store may want to write at once.
func largeCommitIsWhole(t *testing.T, s *subject) {
	var changes []store.Change
	for i := range 40 {
		m := message(5, "m")
		m.Payload = bytes.Repeat([]byte{byte(i)}, 1<<20)
		c := park(key(fmt.Sprintf("k%02d", i)), 0, m)
		c.Ledger.Delivered = 1
		changes = append(changes, c)
	}
	huge := message(5, "huge")
	huge.Payload = bytes.Repeat([]byte("0123456789abcdef"), 3<<20)
	changes = append(changes, park(key("z"), 0, huge))
	s.commit(t, changes...)
	l := s.ledger(t)
	equal(t, []int64{l.Delivered, l.Parked}, []int64{40, 41})
	for _, c := range changes {
		ms, err := s.Parked(t.Context(), c.Key, 0, 0)
		must(t, err)
		if len(ms) != 1 || !bytes.Equal(ms[0].Payload, c.Park[0].Payload) {
			t.Fatalf("lane %s: %d messages", c.Key.Name, len(ms))
		}
	}
}
