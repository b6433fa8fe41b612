package amqp

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
)

const (
	// How often the outlet looks for what nobody waits for any more.
	nudgeEvery = time.Second
	// Between a channel that a message has ended and the next one.
	afterPoison = 10 * time.Millisecond
)

// run keeps an outlet open until ctx ends.
func (t *Target) run(ctx context.Context) {
	for {
		began := time.Now()
		poisoned, err := t.serve(ctx)
		if ctx.Err() != nil {
			return
		}
		pause := afterPoison
		if !poisoned {
			t.news.Tell(err)
			pause = t.pace.After(err, time.Since(began))
		}
		if !pace.Sleep(ctx, pause) {
			return
		}
	}
}

// serve has one outlet open until it, or ctx, ends. One that a message has ended
// says nothing of the target.
func (t *Target) serve(ctx context.Context) (poisoned bool, err error) {
	l, err := t.connected(ctx)
	if err == nil {
		err = t.place.verify(l)
	}
	if err != nil {
		t.hide(err)
		return false, err
	}
	o, err := newOutlet(t, l, t.block)
	if err != nil {
		t.hide(err)
		return false, err
	}
	t.show(o)
	err = t.watch(ctx, o)
	t.hide(err)
	if errors.Is(err, errStray) || t.block != "" {
		_ = l.line.Close() // asking would wait for what is on its way
	}
	for range o.lost { // closed as just told, or by Close
	}
	o.finish(err)
	return o.trial != nil, err
}

// connected returns the connection, and makes one if there is none: the death
// of a channel is not that of its connection.
func (t *Target) connected(ctx context.Context) (*link, error) {
	if t.link != nil && !t.link.IsClosed() {
		return t.link, nil
	}
	l, err := t.b.dial(ctx, t.connectionName())
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil { // Close has not seen it
		l.hangUp()
		return nil, ctx.Err()
	}
	t.link = l
	t.blocking, t.block = l.NotifyBlocked(make(chan amqp.Blocking, 16)), ""
	return l, nil
}

// watch returns when the outlet has ended, and why.
func (t *Target) watch(ctx context.Context, o *outlet) error {
	tick := time.NewTicker(nudgeEvery)
	defer tick.Stop()
	look := time.NewTimer(0)
	look.Stop()
	for {
		select {
		case cause := <-o.lost:
			return t.closing(lostChannel(cause))
		case b, ok := <-t.blocking:
			if !ok {
				t.blocking = nil // the connection has ended, and so will the channel
				continue
			}
			t.blocked(o, b)
		case <-o.doubt:
			look.Reset(0)
		case <-look.C:
			if again := t.look(o); again > 0 {
				look.Reset(again)
			}
		case <-o.stray:
			return errStray
		case <-tick.C:
			o.nudge()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// closing is why a channel was closed, and for how long that may stay so: what
// was refused to everybody waits for an operator.
func (t *Target) closing(err error) error {
	if t.blames(err) || !isCode(err, amqp.NotFound) && !isCode(err, amqp.AccessRefused) {
		return err
	}
	t.doubts.Store(true) // that there is a channel again does not refute it
	if isCode(err, amqp.NotFound) {
		err = fmt.Errorf("%w: %w", t.place.missing(), err)
	}
	return pace.Later(err)
}

// blocked is told that RabbitMQ takes nothing more, or does again.
func (t *Target) blocked(o *outlet, b amqp.Blocking) {
	t.block = ""
	if b.Active {
		t.block = b.Reason
		if t.block == "" {
			t.block = "no reason given"
		}
	}
	o.link.line.wait(b.Active)
	o.blocked(t.block)
	t.reportOpen()
}

// look looks for the queue, which seemed to be gone, and returns when to look
// again. What is on its way stays so.
func (t *Target) look(o *outlet) (again time.Duration) {
	err := t.place.verify(o.link)
	switch {
	case err == nil:
		t.show(o)
	case errors.Is(err, broker.ErrMissing):
		t.hide(err)
		t.news.Tell(err)
		return pace.LookAgain
	}
	return 0
}

// show lets callers have the outlet.
func (t *Target) show(o *outlet) {
	t.mu.Lock()
	t.outlet, t.gone, t.last = o, nil, nil
	t.change()
	t.mu.Unlock()
	if !t.doubts.Load() {
		t.reportOpen()
	}
}

// hide has callers wait, or fail at once if only an operator can help.
func (t *Target) hide(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var later *pace.Setback
	t.outlet, t.last, t.gone = nil, err, nil
	if errors.As(err, &later) {
		t.gone = err
	}
	t.change()
}

func (t *Target) change() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// doubtful tells of something that only a confirm refutes.
func (t *Target) doubtful(err error) {
	t.doubts.Store(true)
	t.news.Tell(err)
}

// answered notes that RabbitMQ has confirmed something.
func (t *Target) answered() {
	if t.doubts.CompareAndSwap(true, false) {
		t.news.Tell(nil)
	}
}

func (t *Target) reportOpen() {
	if t.block != "" {
		t.news.Tell(blockedBecause(t.block))
	} else {
		t.news.Tell(nil)
	}
}
