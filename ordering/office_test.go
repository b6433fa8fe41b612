package ordering_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// office is an operator who does something all the time, and remembers what may
// have come of it: an answer may be lost.
type office struct {
	rng       *rand.Rand
	late      map[string]bool // bodies that were asked to go out of order
	discarded map[string]bool // bodies that were asked to be discarded
	skipped   bool
	done      map[string]int // operations that were done, by audit action
}

func newOffice(rng *rand.Rand) *office {
	return &office{rng: rng, late: map[string]bool{}, discarded: map[string]bool{}, done: map[string]int{}}
}

// work does one thing about each dead letter and each key that stands still, or
// about some, and reports how many there are.
func (o *office) work(ctx context.Context, r *running, s store.Store, all bool) (left int) {
	for d, err := range s.DeadLetters(ctx, store.Query{Route: "r"}) {
		if err != nil {
			return 1
		}
		left++
		if all || o.rng.IntN(3) == 0 {
			o.attend(ctx, r, d)
		}
	}
	for rec, err := range s.Lanes(ctx, store.Query{Route: "r", Blocked: true}) {
		if err != nil {
			return 1
		}
		left++
		if all || o.rng.IntN(3) == 0 {
			o.loosen(ctx, r, rec)
		}
	}
	return left
}

// attend does something about a dead letter.
func (o *office) attend(ctx context.Context, r *running, d store.DeadLetter) {
	op, body := because, string(d.Payload)
	switch op.OutOfOrder = o.rng.IntN(6) == 0; o.rng.IntN(6) {
	case 0:
		o.discarded[body] = true
		o.note(r.Discard(ctx, d.ID, op))
		return
	case 1:
		op.DryRun = true
	}
	out, err := r.Redrive(ctx, d.ID, op)
	o.note(out, err)
	if errors.Is(err, ordering.ErrPassed) || errors.Is(err, ordering.ErrRefused) || err == nil && !out.Done && !op.DryRun {
		o.discarded[body] = true
		o.note(r.Discard(ctx, d.ID, op))
	}
	if op.OutOfOrder && !op.DryRun { // also where it is in order: after a crash it may not be
		o.late[body] = true
	}
}

// loosen does something about a key that stands still.
func (o *office) loosen(ctx context.Context, r *running, rec store.Record) {
	op, k := because, rec.Key
	switch {
	case rec.State.Mode == lane.Locked:
		op.NewEpoch = true
		o.note(r.Release(ctx, k.Name, k.Epoch, op))
	case o.rng.IntN(4) == 0:
		o.note(r.Release(ctx, k.Name, k.Epoch, op))
	default:
		o.skipped = true
		o.note(r.Skip(ctx, k.Name, k.Epoch, rec.State.Next+lane.Revision(o.rng.IntN(3)), op))
	}
}

func (o *office) note(out ordering.Outcome, err error) {
	if err == nil && out.Done {
		o.done[out.Action]++
	}
}

// trouble is traffic of which much fails: keys with missing revisions, with two
// messages of one revision, without a key, and one that is created anew.
func trouble(rng *rand.Rand, keys, revs int) (ms, later []sent) {
	for _, m := range stream(keys, revs) {
		switch rng.IntN(30) {
		case 0: // never comes
			continue
		case 1:
			ms = append(ms, sent{key: m.key, rev: m.rev, body: "conflict " + m.body})
		case 2:
			ms = append(ms, sent{rev: m.rev, body: "keyless " + m.body})
		case 3:
			ms = append(ms, m)
		case 4: // after it was skipped, or not
			if m.key != "k0" { // else it might be taken for one of the record created anew
				later = append(later, m)
			}
			continue
		}
		ms = append(ms, m)
	}
	for rev := int64(1); rev <= 5; rev++ {
		later = append(later, anew("k0", rev))
	}
	return shuffled(rng, ms, keys*3), later
}

// moody is a target that fails in every way, until it is calm.
func (w *world) moody(rng *rand.Rand) func(*message.Message) error {
	return func(m *message.Message) error {
		n := ordering.Attempts(m) + 1
		switch rng.IntN(25) {
		case 0:
			return verdict{class: "permanent", attempts: n, final: true, reason: "too_large"}
		case 1, 2:
			return verdict{class: "transient", attempts: n, pause: time.Duration(rng.IntN(30)) * time.Millisecond, final: n >= 2, reason: "max_attempts"}
		case 3:
			return verdict{class: "unavailable", pause: time.Duration(rng.IntN(5)) * time.Millisecond}
		case 4:
			return verdict{class: "interrupted"}
		}
		return nil
	}
}

// checkAll checks that nothing was lost, and that what came out of order was
// asked for. Of two messages that claim a revision, the one that was delivered
// and not checkpointed is not known after a crash; then the other one may come
// in its place, once more. So may one of a record created anew come in a hole of
// the first numbering.
func (o *office) checkAll(w *world, all []sent, crashed bool) (duplicates int) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	highest, came, settled := map[string]int64{}, map[string]bool{}, map[string]bool{}
	for _, g := range w.got {
		name := g.key
		if strings.HasPrefix(g.body, "anew") {
			name += " anew"
		}
		switch {
		case came[g.body]:
			duplicates++
		case o.late[g.body]:
		case crashed && (settled[fmt.Sprint(g.key, "/", g.rev)] || strings.HasPrefix(g.body, "anew")):
		case g.rev <= highest[name]:
			w.t.Errorf("I2: %q came after revision %d", g.body, highest[name])
		default:
			highest[name] = g.rev
		}
		came[g.body], settled[fmt.Sprint(g.key, "/", g.rev)] = true, true
	}
	for _, m := range all {
		if !came[m.body] && !o.discarded[m.body] {
			w.t.Errorf("I1: %q is lost", m.body)
		}
	}
	return duplicates
}
