package journal

import (
	"fmt"
	"slices"
)

// Outcome is what became of messages.
type Outcome struct {
	Sent []Entry // each at least once, in any order
	Got  []Entry // what the target has, a key's in the order of the target

	Dead    []Entry        // dead letters that stand for a revision
	Parked  map[string]int // how many are parked, by key
	Skipped []Span

	First    int64 // the first revision of each key
	Crashes  int   // of the bridge, or outages of the target
	MaxAhead int   // how many a crash may double, per key
}

// Span is a range of revisions of a key, bounds included.
type Span struct {
	Key      string
	From, To int64
}

// Violation is a promise that was broken, by what became of a message.
type Violation struct {
	Promise string
	Key     string // with Rev what it is about; empty: see Says
	Rev     int64
	Says    string
}

// String begins with the name of the promise.
func (v Violation) String() string { return v.Promise + ": " + v.Says }

// mostShown bounds how many violations of a promise are reported.
const mostShown = 5

// Check returns what breaks a promise.
// It looks at each message a few times, however many there are.
func (o Outcome) Check() []Violation {
	c := &check{Outcome: o, sent: map[id]Entry{}, got: map[id]Entry{}, dead: map[id]bool{}, said: map[string]int{}}
	c.noteSent()
	c.noteGot()
	c.noteDead()
	c.everySentIsSomewhere()
	c.nothingBehindAHole()
	return c.violations
}

// id is what tells messages apart.
type id struct {
	key string
	rev int64
}

type check struct {
	Outcome
	sent map[id]Entry
	got  map[id]Entry // first deliveries
	dead map[id]bool

	violations []Violation
	said       map[string]int
}

func (c *check) fail(promise, key string, rev int64, format string, args ...any) {
	c.said[promise]++
	switch n := c.said[promise]; {
	case n <= mostShown:
		c.violations = append(c.violations, Violation{promise, key, rev, fmt.Sprintf(format, args...)})
	case n == mostShown+1:
		c.violations = append(c.violations, Violation{Promise: promise, Says: "and more"})
	}
}

func (c *check) noteSent() {
	for _, e := range c.Sent {
		c.sent[id{e.Key, e.Rev}] = e
	}
}

// noteGot goes through the target: I2, I3 and I9.
func (c *check) noteGot() {
	last := map[string]int64{}
	again := map[string]int{}
	for _, e := range c.Got {
		me := id{e.Key, e.Rev}
		sent, known := c.sent[me]
		if !known {
			c.fail("I1", e.Key, e.Rev, "%s/%d was delivered and never sent", e.Key, e.Rev)
			continue
		}
		if e.Print != sent.Print {
			c.fail("I9", e.Key, e.Rev, "%s/%d has another body or other headers", e.Key, e.Rev)
		}
		if sent.ID != "" && e.ID != sent.ID {
			c.fail("I3", e.Key, e.Rev, "%s/%d came with the message id %q, want %q", e.Key, e.Rev, e.ID, sent.ID)
		}
		if first, seen := c.got[me]; seen {
			c.doubled(first, e, again)
			continue
		}
		if before, seen := last[e.Key]; seen && e.Rev < before {
			c.fail("I2", e.Key, e.Rev, "%s/%d was first delivered after %d", e.Key, e.Rev, before)
		}
		last[e.Key] = e.Rev
		c.got[me] = e
	}
}

// doubled judges a second delivery.
func (c *check) doubled(first, e Entry, again map[string]int) {
	again[e.Key]++
	if most := c.Crashes * c.MaxAhead; again[e.Key] > most {
		c.fail("I3", e.Key, e.Rev, "%s/%d is duplicate %d of its key, %d are allowed", e.Key, e.Rev, again[e.Key], most)
	}
	if e.ID != first.ID || e.ID == "" {
		c.fail("I3", e.Key, e.Rev, "%s/%d came again with the message id %q, first with %q", e.Key, e.Rev, e.ID, first.ID)
	}
}

// noteDead takes in the dead letters: what is one was not delivered.
func (c *check) noteDead() {
	for _, e := range c.Dead {
		me := id{e.Key, e.Rev}
		sent, known := c.sent[me]
		_, delivered := c.got[me]
		switch {
		case !known:
			c.fail("I1", e.Key, e.Rev, "%s/%d is dead and was never sent", e.Key, e.Rev)
		case e.Print != 0 && e.Print != sent.Print:
			c.fail("I9", e.Key, e.Rev, "%s/%d is dead with another body or other headers", e.Key, e.Rev)
		case delivered:
			c.fail("I1", e.Key, e.Rev, "%s/%d is dead and was delivered", e.Key, e.Rev)
		case c.dead[me]:
			c.fail("I1", e.Key, e.Rev, "%s/%d is dead twice", e.Key, e.Rev)
		}
		c.dead[me] = true
	}
}

// everySentIsSomewhere is I1: what is nowhere else is parked, and as many of a
// key are parked as are nowhere else.
func (c *check) everySentIsSomewhere() {
	nowhere := map[string][]int64{}
	for me := range c.sent {
		if _, ok := c.got[me]; !ok && !c.dead[me] {
			nowhere[me.key] = append(nowhere[me.key], me.rev)
		}
	}
	for key, revs := range nowhere {
		if n := len(revs) - c.Parked[key]; n > 0 {
			slices.Sort(revs)
			c.fail("I1", key, revs[0], "%s: %d of %d are neither delivered nor dead nor parked", key, n, revs)
		}
	}
	for key, n := range c.Parked {
		if here := len(nowhere[key]); n > here {
			c.fail("I1", key, 0, "%s: %d are parked, and all but %d are delivered or dead", key, n, here)
		}
	}
}

// nothingBehindAHole is I2: below a delivered revision each one was delivered,
// or a record says why not.
func (c *check) nothingBehindAHole() {
	top := map[string]int64{}
	for me := range c.got {
		if high, ok := top[me.key]; !ok || me.rev > high {
			top[me.key] = me.rev
		}
	}
	skipped := map[id]bool{}
	for _, s := range c.Skipped {
		for r := s.From; r <= s.To; r++ {
			skipped[id{s.Key, r}] = true
		}
	}
	for key, high := range top {
		for r := c.First; r < high; r++ {
			me := id{key, r}
			if _, ok := c.got[me]; !ok && !c.dead[me] && !skipped[me] {
				c.fail("I2", key, r, "%s/%d was delivered without %d", key, high, r)
				break
			}
		}
	}
}
