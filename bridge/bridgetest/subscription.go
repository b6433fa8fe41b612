package bridgetest

import (
	"context"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

// nackPause keeps a message that always fails from coming in a hot loop.
const nackPause = 5 * time.Millisecond

// subscription is one Subscribe.
type subscription struct {
	line  *line
	out   chan *message.Message
	slots chan struct{}  // full: the window is
	open  sync.WaitGroup // what is handed out
}

func newSubscription(l *line) *subscription {
	return &subscription{line: l, out: make(chan *message.Message), slots: make(chan struct{}, l.opts.Window)}
}

// run hands out what the window allows.
func (s *subscription) run(ctx context.Context) {
	defer close(s.out)
	defer s.open.Wait()
	for s.room(ctx) {
		e := s.line.next(ctx)
		if e == nil || !s.send(ctx, e) {
			return
		}
	}
}

// room waits for room in the window.
func (s *subscription) room(ctx context.Context) bool {
	select {
	case s.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// send hands a copy out; false if nobody took it before the end.
func (s *subscription) send(ctx context.Context, e *entry) bool {
	m := copied(e.msg)
	own, end := context.WithCancel(ctx)
	m.SetContext(own)
	select {
	case s.out <- m:
		s.open.Go(func() { s.follow(ctx, e, m, end) })
		return true
	case <-ctx.Done():
		end()
		s.line.giveBack(e)
		return false
	}
}

// follow waits for the answer to a message. Only then there is room for another.
func (s *subscription) follow(ctx context.Context, e *entry, m *message.Message, end context.CancelFunc) {
	acked := answer(ctx, m)
	end()
	if acked {
		s.line.settle(e)
	} else {
		pause(ctx)
		s.line.giveBack(e)
	}
	<-s.slots
}

// answer reports whether a message is acknowledged, and not nacked or left at the
// end. An acknowledgement that came just before the end counts.
func answer(ctx context.Context, m *message.Message) bool {
	select {
	case <-m.Acked():
		return true
	case <-m.Nacked():
		return false
	case <-ctx.Done():
	}
	select {
	case <-m.Acked():
		return true
	default:
		return false
	}
}

func pause(ctx context.Context) {
	timer := time.NewTimer(nackPause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
