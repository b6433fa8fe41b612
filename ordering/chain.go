package ordering

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ThreeDotsLabs/watermill/message"
)

// misused stops the route. What is in hand and was not tried is let go of, for
// the source to deliver it again.
func (l *loop) misused(m *misuse) {
	l.halt(m.reason, m.err)
	l.ready.clear()
	l.outage.waiting = nil
}

// chain is what a router has built around a Resequencer. A middleware cannot see
// its neighbours but on the stack: those before it there when the first message
// comes, those behind it when one of them, or the handler, asks the message's
// context for something. The stock middlewares of the table do so before they do
// harm, but for Retry and Deduplicator behind Watermill's Timeout: that one's
// context answers in place of ours until somebody asks for a value. Once all were
// seen nobody looks any more.
type chain struct {
	r      *Resequencer
	once   sync.Once
	hidden bool // what stands before would take an answer for the message's end
	wrong  atomic.Pointer[misuse]
	seen   atomic.Bool  // all that stands behind
	looks  atomic.Int32 // at the stack, of which something else was to be seen
	inHand sync.Map     // messages for which the router waits
}

// newChain looks at what stands right behind the Resequencer.
func newChain(r *Resequencer, h message.HandlerFunc) *chain {
	c := &chain{r: r}
	if f := runtime.FuncForPC(reflect.ValueOf(h).Pointer()); f != nil {
		file, _ := f.FileLine(f.Entry())
		c.note(find([]runtime.Frame{{Function: f.Name(), File: file}}, inside))
	}
	return c
}

// note keeps the first thing that is wrong and says so.
func (c *chain) note(m *misuse) {
	if m != nil && c.wrong.CompareAndSwap(nil, m) {
		c.r.cfg.Logger.Error("the Resequencer cannot be used like this; the route will stop, and acknowledges nothing",
			slog.String("route", c.r.cfg.Route), slog.Any("error", m.err))
	}
}

// look says what is wrong, nil: nothing. With the first message it looks at what
// stands before.
func (c *chain) look() *misuse {
	c.once.Do(func() {
		m := find(upTo(stack(), "/watermill/message.(*handler).handleMessage"), outside)
		c.hidden = m != nil
		c.note(m)
	})
	return c.wrong.Load()
}

// refuse stops the route and gives the message back, after a pause. Where somebody
// outside would take an error for the message's end, it is given back from here,
// and nobody outside hears of it.
func (c *chain) refuse(ctx context.Context, m *message.Message, why *misuse) error {
	c.halt(why)
	err := paced(ctx, why)
	if c.hidden {
		m.Nack()
		runtime.Goexit()
	}
	return err
}

// halt ends Run, if it runs, also for a message of which the delivery has ended.
func (c *chain) halt(m *misuse) {
	ctx := context.Background()
	if c.r.awaitRun(ctx) == nil {
		_ = c.r.inLoop(ctx, func(l *loop) { l.misused(m) }) // an error: it has ended
	}
}

// one is a handler of single messages as a batch.
func (c *chain) one(h message.HandlerFunc) Batch {
	return func(msgs []*message.Message) []error {
		errs := make([]error, len(msgs))
		for i, m := range msgs {
			errs[i] = c.call(h, m)
		}
		return errs
	}
}

// call calls the handler, and looks at who stands before it until all were seen.
func (c *chain) call(h message.HandlerFunc, m *message.Message) error {
	was := acknowledged(m)
	if w := c.wrong.Load(); w != nil && !was {
		return w
	}
	if c.seen.Load() {
		return guarded(h, m)
	}
	ctx := m.Context()
	p := &probe{ctx, c}
	m.SetContext(p)
	err := guarded(h, m)
	if m.Context() == context.Context(p) {
		m.SetContext(ctx)
	}
	if _, ours := c.inHand.Load(m); ours && !was && acknowledged(m) {
		c.note(&misuse{HaltMiddleware, fmt.Errorf("%w: what stands behind it acknowledges messages, before the checkpoint; "+
			"leave that to the router (and Watermill's middleware.InstantAck out)", ErrMiddleware)})
	}
	return c.judged(m, err)
}

// judged is the outcome of a call, which is a misuse if something wrong was seen.
// What has got through, or has nobody else to keep it, is settled all the same.
func (c *chain) judged(m *message.Message, err error) error {
	w := c.wrong.Load()
	switch {
	case w == nil:
		return err
	case err == nil, acknowledged(m):
		c.halt(w)
		return err
	}
	return w
}

// hand notes that the router waits for a message: whoever acknowledges it meanwhile
// is not the router. What is parked is acknowledged while it may still be on its
// way, and not in hand then.
func (c *chain) hand(m *message.Message) (done func()) {
	if c.seen.Load() {
		return func() {}
	}
	c.inHand.Store(m, nil)
	return func() { c.inHand.Delete(m) }
}

// acknowledged reports whether somebody has acknowledged a message already.
func acknowledged(m *message.Message) bool {
	select {
	case <-m.Acked():
		return true
	default:
		return false
	}
}

// probe is the context of a message on its way through what stands behind the
// Resequencer: whoever asks it for something stands on the stack.
type probe struct {
	context.Context
	chain *chain
}

// Done is asked by Watermill's Retry before each try.
func (p *probe) Done() <-chan struct{} {
	p.chain.peek(false)
	return p.Context.Done()
}

// Value is asked by Watermill's PoisonQueue before it publishes.
func (p *probe) Value(key any) any {
	switch key.(type) {
	case attemptsKey, redrivenKey:
	default:
		t := reflect.TypeOf(key)
		p.chain.peek(t != nil && strings.HasSuffix(t.PkgPath(), "/watermill/message"))
	}
	return p.Context.Value(key)
}

// mostLooks bounds what is spent on handlers of which the end cannot be told.
const mostLooks = 100

// peek looks at who stands between the Resequencer and its caller. A middleware
// that must not stand there is stopped by a panic, which call knows of; the
// handler itself is let finish.
func (c *chain) peek(certainly bool) {
	if c.seen.Load() || !certainly && c.looks.Add(1) > mostLooks {
		return
	}
	frames := stack()
	between := upTo(frames, "/ordering.guarded")
	if len(between) == len(frames) {
		return // another goroutine
	}
	inner := upTo(between, "(*Router).AddConsumerHandler.func") // often inlined, and then of another package
	whole := len(inner) < len(between)
	if whole {
		between = between[len(inner):]
		c.seen.Store(true)
	}
	m := find(between, inside)
	if c.note(m); m != nil && !whole {
		panic(m)
	}
}

// stack is who called, the last one first.
func stack() (all []runtime.Frame) {
	const deep = 128
	pcs := make([]uintptr, deep)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		all = append(all, f)
	}
	return all
}

// upTo are the frames before that of a function, told by a part of its name; all
// of them if it is not there.
func upTo(frames []runtime.Frame, function string) []runtime.Frame {
	for i := range frames {
		if strings.Contains(frames[i].Function, function) {
			return frames[:i]
		}
	}
	return frames
}
