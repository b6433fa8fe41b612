package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
)

// sink is the consumer at the target. It runs until it is stopped.
type sink struct {
	mu     sync.Mutex
	crowds []*crowd
	latest time.Time // when something came
	err    error

	cancel context.CancelFunc
	done   chan struct{}
}

func openSink(from load.End, crowds ...*crowd) *sink {
	ctx, cancel := context.WithCancel(context.Background())
	k := &sink{crowds: crowds, latest: time.Now(), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(k.done)
		if err := from.Receive(ctx, k.note); err != nil {
			k.fail(err)
		}
	}()
	return k
}

func (k *sink) stop() {
	k.cancel()
	<-k.done
}

func (k *sink) note(a load.Arrival) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.latest = a.At
	for _, c := range k.crowds {
		if c.owns(a.Number) {
			c.note(a)
			return
		}
	}
	k.err = errors.Join(k.err, fmt.Errorf("message %d arrived, and nobody sent it", a.Number))
}

func (k *sink) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = errors.Join(k.err, err)
}

// open begins a period of a crowd.
func (k *sink) open(c *crowd, begin time.Time, lasts time.Duration) *load.Period {
	p := load.NewPeriod(begin, lasts)
	k.mu.Lock()
	defer k.mu.Unlock()
	c.periods = append(c.periods, p)
	return p
}

// await waits until enough is there. It gives up when nothing has come for too
// long, or when what should move the messages has failed.
func (k *sink) await(ctx context.Context, m mover, enough func() bool) error {
	began := time.Now()
	for {
		over, err := k.look(enough, began)
		if over || err != nil {
			return err
		}
		if err := errors.Join(m.look(true), context.Cause(ctx)); err != nil {
			return err
		}
		time.Sleep(lookEvery)
	}
}

func (k *sink) look(enough func() bool, began time.Time) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.err != nil:
		return false, k.err
	case enough():
		return true, nil
	case time.Since(k.latest) > patience && time.Since(began) > patience:
		return false, errStalled
	}
	return false, nil
}
