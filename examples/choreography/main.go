// Command choreography takes orders through payment, stock and shipping, as
// examples/saga does, but nobody tells them what to do: each service listens to
// the events of the others and knows itself what follows. It runs in one process,
// without a broker; the events come twice and in any order, as on a bad day.
//
//	go run ./examples/choreography
//
// Read services.go first: who reacts to what. examples/internal/service is the
// plumbing that every service needs: order, inbox, outbox, retry, dead letters.
//
// # Which of the two
//
// Choose choreography where there are few steps, each service has its own reasons
// to act, and new listeners shall come without a change elsewhere: nobody is in the
// middle, so nobody in the middle can be down or grow. The price: the way of an
// order is written nowhere, to know how one stands somebody has to listen to all
// (tracking, here), and a new step changes what others react to. Choose
// orchestration (examples/saga) where steps have deadlines, where something cannot
// be taken back, or where people ask why an order stands still: then there is one
// place that knows, and one page that says what follows what. Both need the same
// below: an order per key, an inbox and an outbox.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/brokerbridge/bridge/examples/internal/service"
	"github.com/brokerbridge/bridge/examples/internal/table"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "choreography:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "choreography")
	if err != nil {
		return err
	}
	s := &shop{dir: dir, bus: newBus(), out: out}
	s.ctx, s.failed = context.WithCancelCause(ctx)
	ends, err := s.play()
	if err := errors.Join(err, s.close(), os.RemoveAll(dir)); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s\n", strings.Join(ends, "\n"))
	return nil
}

// shop is the services, in one process though they share nothing but the bus.
type shop struct {
	ctx      context.Context
	failed   context.CancelCauseFunc
	dir      string
	bus      *bus
	services []*service.Service

	mu  sync.Mutex
	out io.Writer
}

// story is three orders, placed at once.
var story = []struct {
	order, to string
	items     []Order
}{
	{"B-1", "town", []Order{{Items: []string{"book"}, EUR: 30}, {Items: []string{"pen"}, EUR: 2}}},
	{"B-2", "town", []Order{{Items: []string{"unicorn"}, EUR: 70}}},                                  // there is none
	{"B-3", "island", []Order{{Items: []string{"book"}, EUR: 30}, {Items: []string{"ink"}, EUR: 5}}}, // no carrier goes there
}

// play plays the story, and returns how the orders ended.
func (s *shop) play() (ends []string, err error) {
	for _, who := range services {
		if err := s.start(who.name, who.reactions); err != nil {
			return nil, err
		}
	}
	for _, o := range story {
		if err := s.order(o.order, o.to, o.items); err != nil {
			return nil, err
		}
	}
	for len(ends) < len(story) {
		select {
		case <-s.ctx.Done():
			return nil, fmt.Errorf("wait for the orders to end: %w", context.Cause(s.ctx))
		case <-time.After(20 * time.Millisecond):
		}
		if ends, err = s.report(); err != nil {
			return nil, err
		}
	}
	return ends, nil
}

// order is a customer, who adds items and then places the order. Their revisions say
// in which order, because the bus keeps none.
func (s *shop) order(id, to string, items []Order) error {
	for i, item := range items {
		item.ID = id
		if err := s.tell(i+1, "item added", item); err != nil {
			return err
		}
	}
	return s.tell(len(items)+1, "order placed", Order{ID: id, To: to})
}

func (s *shop) tell(revision int, event string, o Order) error {
	m, err := service.New("customer", events, o.ID, event, revision, o)
	if err != nil {
		return err
	}
	return s.bus.Publish(events, m.Encode())
}

func (s *shop) start(name string, r reactions) error {
	started, err := service.Start(s.ctx, service.Config{
		Name: name, Dir: filepath.Join(s.dir, name), Topic: events,
		Subscriber: s.bus.subscriber(), Publisher: s.bus,
		Handle: r.handle, Say: s.say, Failed: s.failed,
	})
	if err == nil {
		s.services = append(s.services, started)
	}
	return err
}

func (s *shop) close() error {
	var errs []error
	for _, one := range s.services {
		errs = append(errs, one.Close())
	}
	return errors.Join(append(errs, s.bus.Close())...)
}

// report tells of the orders that have ended how, and what was done for each and
// how often.
func (s *shop) report() (ended []string, err error) {
	for _, o := range story {
		var how string
		var did []string
		for _, one := range s.services {
			err = errors.Join(err, one.View(func(tx *table.Tx) {
				if h := end(tx, o.order); h != "" {
					how = h
				}
				did = append(did, counts(tx, o.order)...)
			}))
		}
		if how != "" {
			ended = append(ended, fmt.Sprintf("%s %s [%s]", o.order, how, strings.Join(did, ", ")))
		}
	}
	return ended, err
}

// counts are the effects that a table counts for an order.
func counts(tx *table.Tx, order string) (effects []string) {
	prefix := "did/" + order + "/"
	for _, key := range tx.Keys(prefix) {
		var n int
		tx.Get(key, &n)
		effects = append(effects, fmt.Sprint(strings.TrimPrefix(key, prefix), " ", n))
	}
	return effects
}

func (s *shop) say(who, order, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "%-4s %-9s %s\n", order, who, text)
}
