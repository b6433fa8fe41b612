package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// options are what a run is told.
type options struct {
	seed       uint64
	lasts      time.Duration // no act begins later; 0: no bound
	faults     int           // how many; 0: no bound
	directions []string      // "r-k": from RabbitMQ to Kafka
	rate       int           // messages a second, of each route
	words      string        // the file that gets what the bridge said; empty: none
	only       string        // words, of which a kind's name contains one
}

// run does the faults and judges.
func run(ctx context.Context, t testing.TB, o options, say func(string)) *verdict {
	t.Helper()
	log := newDiary(say)
	w := open(t, o, log)
	watching, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { log.watch(watching, w) })
	if o.words != "" {
		t.Cleanup(func() {
			if err := os.WriteFile(o.words, []byte(w.bridge.Log()), 0o600); err != nil {
				t.Error(err)
			}
		})
	}
	err := w.suffer(ctx, o)
	if ctx.Err() != nil {
		t.Fatal("interrupted")
	}
	if err != nil {
		log.violate("harness", "%v", err)
	}
	w.settle(ctx)
	stop()
	wg.Wait()
	return w.judge()
}

// warm is how long traffic flows before the first fault: RabbitMQ has to have
// written down that there are queues.
const warm = settling

// suffer goes through the schedule.
func (w *world) suffer(ctx context.Context, o options) error {
	kinds := only(possible(allKinds(), o.directions, w.means()), o.only)
	if len(kinds) == 0 {
		return errors.New("no kind of fault is possible")
	}
	pause(ctx, warm)
	if err := w.flows(ctx); err != nil {
		return err
	}
	s := newSchedule(o.seed, kinds)
	began := time.Now()
	for done := 0; (o.faults == 0 || done < o.faults) && (o.lasts == 0 || time.Since(began) < o.lasts); {
		limit := most
		if o.faults > 0 {
			limit = min(limit, o.faults-done)
		}
		a := s.next(limit)
		done += len(a)
		if err := errors.Join(w.play(ctx, a), ctx.Err()); err != nil {
			return err
		}
		if err := w.flows(ctx); err != nil {
			return err
		}
	}
	return nil
}

// play does the faults of an act: those that hit the same thing one after the
// other, the others beside each other.
func (w *world) play(ctx context.Context, a act) error {
	began := time.Now()
	errs := make(chan error, len(a))
	var wg sync.WaitGroup
	for _, faults := range a.lanes() {
		wg.Go(func() {
			for _, f := range faults {
				pause(ctx, time.Until(began.Add(f.start)))
				if err := w.commit(ctx, f); err != nil {
					errs <- fmt.Errorf("%v: %w", f, err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	var all error
	for err := range errs {
		all = errors.Join(all, err)
	}
	return all
}

// commit does one fault and takes it back.
func (w *world) commit(ctx context.Context, f fault) error {
	s := w.log.begin(f)
	err := f.kind.begin(ctx, w, f)
	pause(ctx, f.length)
	err = errors.Join(err, f.kind.end(ctx, w, f))
	w.log.end(s)
	pause(ctx, f.kind.rest)
	return err
}

// recovery is how long it may take after the last fault until every route moves
// again and /readyz says so.
const recovery = 60 * time.Second

// flows waits until each route has moved, and violates I8 where one does not. The
// run goes on after that only if they move in the end.
func (w *world) flows(ctx context.Context) error {
	began := time.Now()
	from := look{}.take(w)
	for late := false; ; {
		if !pause(ctx, lookEvery) {
			return ctx.Err()
		}
		now := look{}.take(w)
		why := now.stands(from)
		if why == "" {
			w.log.calm = max(w.log.calm, time.Since(began))
			return nil
		}
		if from.delivered == nil {
			from = now
		}
		if !w.lives() {
			if err := w.awaitBridge(ctx); err != nil {
				return err
			}
		}
		switch waited := time.Since(began); {
		case waited > 3*recovery:
			return errors.New("given up: " + why)
		case waited > recovery && !late:
			late = true
			_, says := w.bridge.Ready()
			w.log.violate("I8", "%v after the last fault %s; /readyz: %s", recovery, why, strings.Join(strings.Fields(says), " "))
		}
	}
}

// stands says what does not move since another look; empty: all do.
func (l look) stands(since look) string {
	if l.delivered == nil || since.delivered == nil {
		return "nobody answers"
	}
	var still []string
	for name, n := range l.delivered {
		if n <= since.delivered[name] {
			still = append(still, fmt.Sprintf("%s has delivered no more than %d, of %d sent", name, n, l.sent[name]))
		}
	}
	if l.ready != http.StatusOK {
		still = append(still, fmt.Sprintf("/readyz says %d", l.ready))
	}
	return strings.Join(still, ", ")
}

// means are what can be done on this machine.
type means struct{ fill, freeze, signal bool }

func (w *world) means() means {
	_, err := rig.Script("pid", rabbit)
	_, err2 := rig.Script("pid", kafka)
	return means{w.disk.fills, w.disk.freeze, err == nil && err2 == nil}
}

// possible leaves out what cannot be done here, or to these directions.
func possible(kinds []*kind, directions []string, m means) (can []*kind) {
	all := strings.Join(directions, " ") + " "
	for _, k := range kinds {
		need := ""
		switch {
		case strings.HasPrefix(k.name, "target queue"):
			need = "-r "
		case strings.HasPrefix(k.name, "target topic"), strings.HasPrefix(k.name, "kafka throttles"):
			need = "-k "
		case strings.HasPrefix(k.name, "source queue"):
			need = "r-"
		case strings.HasPrefix(k.name, "rebalance"):
			need = "k-"
		case k.name == "disk full" && !m.fill, k.name == "disk hangs" && !m.freeze,
			(k.hits == rabbit || k.hits == kafka) && strings.Contains(k.name, "SIGSTOP") && !m.signal:
			continue
		}
		if strings.Contains(all, need) {
			can = append(can, k)
		}
	}
	return can
}
