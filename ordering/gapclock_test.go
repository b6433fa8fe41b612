package ordering_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// target is one that can be away, and tells its route's source to pause.
type target struct {
	away, paused atomic.Bool
}

func (w *world) target(cfg *ordering.Config) *target {
	var to target
	cfg.Pause = to.paused.Store
	w.fail = func(*message.Message) error {
		if to.away.Load() {
			return verdict{class: "unavailable", pause: 10 * time.Millisecond}
		}
		return nil
	}
	return &to
}

// fullStore takes no commits while it is full.
type fullStore struct {
	store.Store
	full atomic.Bool
}

func (s *fullStore) Commit(ctx context.Context, cs ...store.Change) []error {
	if s.full.Load() {
		return slices.Repeat([]error{errors.New("full")}, len(cs))
	}
	return s.Store.Commit(ctx, cs...)
}

// TestR9_GapClockStandsWhileIntakeIsShut has the missing revision wait in the
// source while the bridge itself takes nothing: it is not skipped, however long
// that lasts and however empty the source looks.
func TestR9_GapClockStandsWhileIntakeIsShut(t *testing.T) {
	type scene struct {
		*world
		*running
		to *target
		s  *fullStore
	}
	for name, c := range map[string]struct{ shut, open func(*testing.T, *scene) }{
		"outage": {
			func(t *testing.T, s *scene) {
				s.to.away.Store(true)
				s.send(msg("b", 1))
				await(t, "the pause", s.to.paused.Load)
			},
			func(t *testing.T, s *scene) {
				s.to.away.Store(false)
				await(t, "the end of it", func() bool { return !s.to.paused.Load() })
			},
		},
		"pause": {
			func(_ *testing.T, s *scene) { s.PauseIntake(true) },
			func(_ *testing.T, s *scene) { s.PauseIntake(false) },
		},
		"store": {
			func(t *testing.T, s *scene) {
				s.s.full.Store(true)
				s.send(msg("b", 1))
				await(t, "the store to fail", s.StoreStalled)
			},
			func(t *testing.T, s *scene) {
				s.s.full.Store(false)
				await(t, "the store", func() bool { return !s.StoreStalled() })
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, s := newWorld(t, 100), &fullStore{Store: memory.New()}
				cfg := config(s, w)
				cfg.OnGap, cfg.OutageAfter = lane.Skip, 100*time.Millisecond
				to := w.target(&cfg)
				r := w.run(cfg)
				w.send(msg("a", 1), msg("a", 3))
				await(t, "the gap", func() bool { return r.state(t, "a").Mode == lane.Gap && w.settled() })
				time.Sleep(cfg.GapTimeout / 2) // the source was seen empty
				at := &scene{w, r, to, s}
				c.shut(t, at)
				time.Sleep(time.Minute)
				if st := r.state(t, "a"); st.Mode != lane.Gap || st.Next != 2 {
					t.Fatalf("the clock ran: %s at %d", st.Mode, st.Next)
				}
				c.open(t, at)
				time.Sleep(cfg.GapTimeout * 9 / 10) // it starts anew
				w.send(msg("a", 2))
				w.delivered("a", 1, 2, 3)
				if st := r.rest(t, w); st.Ledger.Skipped != 0 || st.Ledger.Dead != 0 {
					t.Errorf("%+v", st.Ledger)
				}
				w.send(msg("a", 5)) // and it does run
				w.delivered("a", 1, 2, 3, 5)
			})
		})
	}
}

// TestR11_LongOutageIsNoLostStore pauses when many keys have just two neighbours
// swapped. Nothing comes meanwhile: that is no sign of a lost store.
func TestR11_LongOutageIsNoLostStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1000)
		cfg := config(memory.New(), w)
		cfg.OutageAfter = 100 * time.Millisecond
		to := w.target(&cfg)
		r := w.run(cfg)
		w.send(stream(200, 1)...)
		r.rest(t, w)
		to.away.Store(true)
		for k := range 60 {
			w.send(msg(fmt.Sprint("k", k), 3))
		}
		for k := range 100 {
			w.send(msg(fmt.Sprint("k", k+100), 2))
		}
		await(t, "the pause", to.paused.Load)
		time.Sleep(time.Minute)
		to.away.Store(false)
		await(t, "the end of it", func() bool { return !to.paused.Load() })
		time.Sleep(cfg.GapTimeout / 2)
		for k := range 60 {
			w.send(msg(fmt.Sprint("k", k), 2))
		}
		for k := range 60 {
			w.delivered(fmt.Sprint("k", k), 1, 2, 3)
		}
		if st := r.rest(t, w); st.Ledger.Delivered != 420 || len(st.Modes) != 0 {
			t.Errorf("%+v", st)
		}
	})
}
