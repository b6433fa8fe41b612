package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/examples/internal/service"
	"github.com/brokerbridge/bridge/examples/internal/table"
	"github.com/brokerbridge/bridge/policies"
)

// shop is the services, here in one process though they share nothing but
// RabbitMQ, and who places orders.
type shop struct {
	ctx       context.Context
	failed    context.CancelCauseFunc
	dir       string
	queues    queues
	publisher message.Publisher
	bank      *bank
	faults    *faults
	killer    *killer

	saga, payment *service.Service // of services
	services      []*service.Service

	mu  sync.Mutex
	out io.Writer
}

// open starts all of it. What it has opened is closed by close, also after an error.
func open(ctx context.Context, dir string, out io.Writer) (*shop, error) {
	s := &shop{dir: dir, faults: newFaults(), killer: newKiller(), out: out}
	s.ctx, s.failed = context.WithCancelCause(ctx)
	if err := s.start(); err != nil {
		return nil, errors.Join(err, s.close(true))
	}
	return s, nil
}

func (s *shop) start() (err error) {
	moved := func(id string) { s.killer.reached("bank/moved/" + id) }
	if s.bank, err = openBank(s.dir, moved); err != nil {
		return err
	}
	if s.queues, err = openQueues(s.dir); err != nil {
		return err
	}
	if s.publisher, err = s.queues.publisher(); err != nil {
		return err
	}
	if s.saga, err = s.serve(service.Config{Name: "saga", Handle: orchestrate, Tick: expire}); err != nil {
		return err
	}
	if s.payment, err = s.participate("payment", payment(s.bank)); err != nil {
		return err
	}
	if _, err = s.participate("stock", stock(map[string]int{"book": 100})); err != nil {
		return err
	}
	_, err = s.participate("shipping", shipping())
	return err
}

func (s *shop) participate(name string, commands map[string]command) (*service.Service, error) {
	return s.serve(service.Config{Name: name, Handle: participant{commands, s.faults}.handle})
}

func (s *shop) serve(c service.Config) (_ *service.Service, err error) {
	if c.Subscriber, err = s.queues.subscriber(); err != nil {
		return nil, err
	}
	c.Dir, c.Publisher = filepath.Join(s.dir, c.Name), s.publisher
	c.Retry = policies.Retry{Attempts: 3, Initial: 50 * time.Millisecond, Max: 200 * time.Millisecond}
	c.Say, c.Alarm = s.say, func(name, text string) { s.say(name, "", "!!! ALARM !!! "+text) }
	c.Failed, c.Reached = s.failed, s.killer.reached
	started, err := service.Start(s.ctx, c)
	if err == nil {
		s.services = append(s.services, started)
	}
	return started, err
}

// close stops all of it. The queues are removed, unless the story goes on later.
func (s *shop) close(goesOn bool) error {
	var errs []error
	for _, one := range s.services {
		errs = append(errs, one.Close())
	}
	if s.publisher != nil {
		errs = append(errs, s.publisher.Close())
	}
	if s.bank != nil {
		errs = append(errs, s.bank.table.Close())
	}
	if !goesOn {
		errs = append(errs, s.queues.remove("saga", "payment", "stock", "shipping"))
	}
	return errors.Join(errs...)
}

// place is the customer: revision 1 of what they have to say about an order.
func (s *shop) place(o Order) error {
	m, err := service.New("customer", "saga", o.ID, "place", 1, o)
	if err != nil {
		return err
	}
	return s.publisher.Publish("saga", m.Encode())
}

// await returns when a condition holds.
func (s *shop) await(what string, holds func() (bool, error)) error {
	for {
		if ok, err := holds(); ok || err != nil {
			return err
		}
		select {
		case <-s.ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, context.Cause(s.ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *shop) state(order string) (state saga, err error) {
	err = s.saga.View(func(tx *table.Tx) { state, _ = sagaOf(tx, order) })
	return state, err
}

func (s *shop) atRest() (bool, error) {
	for _, one := range s.services {
		if rests, err := one.AtRest(s.ctx); !rests {
			return false, err
		}
	}
	return true, nil
}

func (s *shop) say(who, order, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "%-4s %-9s %s\n", order, who, text)
}

// report tells how each order has ended, and what was done for it and how often.
func (s *shop) report() error {
	var all []saga
	if err := s.saga.View(func(tx *table.Tx) { all = sagas(tx) }); err != nil {
		return err
	}
	views := []func(func(*table.Tx)) error{s.bank.table.View}
	for _, one := range s.services {
		views = append(views, one.View)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(s.out)
	for _, o := range all {
		var effects []string
		for _, view := range views {
			if err := view(func(tx *table.Tx) { effects = append(effects, counts(tx, o.Order.ID)...) }); err != nil {
				return err
			}
		}
		fmt.Fprintf(s.out, "%s %s%s [%s]\n", o.Order.ID, o.State, o.because(), strings.Join(effects, ", "))
	}
	return nil
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
