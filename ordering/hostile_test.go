package ordering_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// TestD6_DeepJSON reads fields of bodies that are nested. Without a limit 16 MiB of
// brackets would take a stack of more than Go has, which no recover contains.
func TestD6_DeepJSON(t *testing.T) {
	nested := func(depth int) []byte {
		return fmt.Appendf(nil, `{"text":"[{\"[","deep":%s%s,"id":"a"}`, strings.Repeat("[", depth-1), strings.Repeat("]", depth-1))
	}
	read := ordering.JSON("id")
	for name, c := range map[string]struct {
		body []byte
		says string
	}{
		"16 MiB of brackets": {bytes.Repeat([]byte("["), 16<<20), "deep"},
		"16 MiB of objects":  {bytes.Repeat([]byte(`{"a":`), 4<<20), "deep"},
		"10,001 deep":        {nested(10_001), "deep"},
		"10,000 deep":        {nested(10_000), ""},
		"wide":               {[]byte(`{"wide":[` + strings.Repeat(`[],`, 20_000) + `0],"id":"a"}`), ""},
		"brackets in a text": {[]byte(`{"text":"` + strings.Repeat(`[{`, 20_000) + `","id":"a"}`), ""},
		"cut in a text":      {[]byte(`{"text":"` + strings.Repeat(`[{`, 20_000) + `\`), "not JSON"},
	} {
		v, found, err := read(&message.Message{Payload: c.body})
		var refused *ordering.IdentifyError
		switch {
		case c.says == "" && (v != "a" || !found || err != nil):
			t.Errorf("%s: %q, found %v: %v", name, v, found, err)
		case c.says != "" && (!errors.As(err, &refused) || refused.Reason != ordering.ReasonUndecodable || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %v, want undecodable, %q", name, err, c.says)
		}
	}
}

// TestB9_WhatReadsAMessagePanics in each of the functions that are given to the
// Resequencer: the message is a dead letter with the stack, and the others go on.
func TestB9_WhatReadsAMessagePanics(t *testing.T) {
	poison := func(m *message.Message) {
		if bytes.HasPrefix(m.Payload, []byte("bad")) {
			panic("what is this?")
		}
	}
	for name, spoil := range map[string]func(*ordering.Config){
		"Identify": func(cfg *ordering.Config) {
			identify := cfg.Identify
			cfg.Identify = func(m *message.Message) (ordering.ID, error) { poison(m); return identify(m) }
		},
		"Same":  func(cfg *ordering.Config) { cfg.Same = func(m *message.Message) lane.Print { poison(m); return 1 } },
		"Takes": func(cfg *ordering.Config) { cfg.Takes = func(m *message.Message) bool { poison(m); return true } },
	} {
		t.Run(name, func(t *testing.T) {
			w, s := newWorld(t, 100), memory.New()
			cfg := config(s, w)
			cfg.Events, cfg.ReplyTo = true, func(*message.Message) *store.Reply { panic("nobody") }
			spoil(&cfg)
			r := w.run(cfg)
			w.send(msg("a", 1), sent{key: "bad", rev: 1, body: "bad"}, msg("a", 2))
			w.delivered("a", 1, 2)
			r.rest(t, w)
			d := allDead(t, s)
			if len(d) != 1 || d[0].Reason != ordering.ReasonPanic || !strings.Contains(d[0].Error, "hostile_test.go") {
				t.Fatalf("the dead letters: %+v", d)
			}
			r.refuses(t, d[0].ID, because, ordering.ErrRefused) // it is read again, and panics again
			w.send(msg("a", 3))
			w.delivered("a", 1, 2, 3)
		})
	}
}

// TestB9_MessageIDPanics is the same for what names a message without a revision.
func TestB9_MessageIDPanics(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	cfg := arrival(s, w)
	cfg.Remember = time.Hour
	cfg.MessageID = func(m *message.Message) (string, bool, error) {
		if string(m.Payload) == "bad" {
			panic("what is this?")
		}
		return ordering.MessageUUID(m)
	}
	r := w.run(cfg)
	w.send(msg("a", 1), sent{key: "bad", rev: 1, body: "bad"}, msg("a", 2))
	w.delivered("a", 1, 2)
	r.rest(t, w)
	if d := allDead(t, s); len(d) != 1 || d[0].Reason != ordering.ReasonPanic {
		t.Errorf("the dead letters: %+v", d)
	}
}

// TestI1_RefusedMessagesThatDifferInTheirHeaders have no id, no key, and the same
// body: where Identify says what tells them from each other, each is a dead letter.
func TestI1_RefusedMessagesThatDifferInTheirHeaders(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	cfg := config(s, w)
	identify := cfg.Identify
	cfg.Identify = func(m *message.Message) (ordering.ID, error) {
		id, err := identify(m)
		if refused, ok := errors.AsType[*ordering.IdentifyError](err); ok {
			refused.Same = m.Metadata["tenant"]
		}
		return id, err
	}
	r := w.run(cfg)
	for _, tenant := range []string{"one", "two", "one"} {
		w.send(sent{rev: 1, body: "x", meta: map[string]string{"tenant": tenant}})
	}
	r.rest(t, w)
	if d := allDead(t, s); len(d) != 2 || d[0].Metadata["tenant"] == d[1].Metadata["tenant"] {
		t.Errorf("the dead letters are %+v", d)
	}
}

// TestD11_ClockSetBack stops while a message waits for its next try, and has the
// clock be an hour earlier when it starts again: the message waits for what was left
// of its pause, not for an hour.
func TestD11_ClockSetBack(t *testing.T) {
	const pause = 300 * time.Millisecond
	w, s := newWorld(t, 50), memory.New()
	var first time.Time
	w.fail = func(m *message.Message) error {
		if ordering.Attempts(m) > 0 {
			return nil
		}
		first = time.Now()
		return verdict{class: "transient", attempts: 1, pause: pause}
	}
	w.send(msg("a", 1))
	r := w.run(config(s, w))
	await(t, "the pause", func() bool { return r.state(t, "a").Mode == lane.Waiting })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	key := store.Key{Route: "r", Name: "a"}
	rec, err := s.Load(context.Background(), key)
	if err != nil || rec.Due.IsZero() {
		t.Fatalf("%+v, %v", rec, err)
	}
	rec.Since, rec.Due = rec.Since.Add(time.Hour), rec.Due.Add(time.Hour)
	if err := errors.Join(s.Commit(t.Context(), store.Change{Key: key, Version: rec.Version, Record: &rec})...); err != nil {
		t.Fatal(err)
	}
	again := time.Now()
	r = w.run(config(s, w))
	w.delivered("a", 1)
	r.rest(t, w)
	if waited := time.Since(again); waited < pause || time.Since(first) < pause {
		t.Errorf("it was tried after %v, and has to wait %v", waited, pause)
	}
}

// TestD3_GiantGap opens the widest gap there is. It is one range, not a list, and the
// key goes on behind it to the last revision of all.
func TestD3_GiantGap(t *testing.T) {
	const last = math.MaxInt64 - 1
	w, s := newWorld(t, 100), memory.New()
	cfg := config(s, w)
	cfg.MaxJump, cfg.OnGap, cfg.GapTimeout = math.MaxInt64, lane.Skip, 50*time.Millisecond
	r := w.run(cfg)
	w.send(msg("a", 1), msg("a", last-1), msg("a", last))
	w.delivered("a", 1, last-1, last)
	r.rest(t, w)
	skips, err := s.Skips(t.Context(), store.Key{Route: "r", Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if len(skips) != 1 || skips[0].From != 2 || skips[0].To != last-2 {
		t.Errorf("skipped %+v", skips)
	}
	w.send(msg("a", math.MaxInt64), msg("a", 1), msg("b", 1)) // there is none behind the last one
	w.delivered("b", 1)
	if st := r.rest(t, w); st.Ledger.Dead != 1 || st.Ledger.Skipped != last-3 && st.Ledger.Skipped != 1 {
		t.Errorf("%+v", st.Ledger)
	}
	w.delivered("a", 1, last-1, last)
}
