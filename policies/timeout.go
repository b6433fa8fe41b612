package policies

import (
	"context"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

// ErrNoAnswer is in the errors of messages whose call did not return in time.
// What becomes of them is not known yet.
var ErrNoAnswer error = noAnswer{}

type noAnswer struct{}

func (noAnswer) Error() string { return "no answer in time" }

// Awaited tells whoever owns the message to keep it as it is: it remembers its
// call.
func (noAnswer) Awaited() bool { return true }

// Timeout bounds how long an attempt may take where no [Breaker] does; with one,
// set the Breaker's own Timeout.
//
// A call that has begun cannot be taken back, and a message must not be on its
// way twice. So a message whose call does not return in time fails as
// [Unavailable], with [ErrNoAnswer], which spends no try. When that same message
// comes again it is not sent again, but waits for the outcome of the call once
// more, and gets it when it is there.
type Timeout struct {
	// After is how long one attempt may take. 0: 10 s. Negative: no limit.
	After time.Duration
}

// Batch calls next in a goroutine, which ends when next returns, with copies of
// the messages. It contains panics as [Recover] does. A message that was late
// remembers its call in its context; it must not be given to Batch by two
// goroutines at once.
func (t Timeout) Batch(next Batch) Batch {
	if t.After < 0 {
		return next
	}
	after := t.After
	if after == 0 {
		after = 10 * time.Second
	}
	next = Recover{}.Batch(next)
	return func(msgs []*message.Message) []error {
		due, cancel := context.WithTimeout(context.Background(), after)
		defer cancel()
		errs := make([]error, len(msgs))
		for i, s := range board(next, msgs) {
			if !s.call.returned(due) {
				errs[i] = As(Unavailable, fmt.Errorf("%w: none for %s, still awaited", ErrNoAnswer, after))
				s.keep(msgs[i])
				continue
			}
			errs[i] = s.call.errs[s.at]
			seat{}.keep(msgs[i])
		}
		return errs
	}
}

// call is a call of next that may outlast the attempt that made it.
type call struct {
	over chan struct{} // closed when errs are there
	errs []error
}

// returned waits for the outcome until due ends.
func (c *call) returned(due context.Context) bool {
	select {
	case <-c.over:
		return true
	case <-due.Done():
	}
	select {
	case <-c.over: // both, and the outcome counts
		return true
	default:
		return false
	}
}

// seat is the place of a message in a call.
type seat struct {
	call *call
	at   int
}

type seatKey struct{}

// seatOf is the place of a message in a call that was late; the zero seat if
// there is none.
func seatOf(m *message.Message) seat {
	s, _ := m.Context().Value(seatKey{}).(seat)
	return s
}

// keep has the message remember its seat; the zero seat has it forget.
func (s seat) keep(m *message.Message) {
	if s != seatOf(m) {
		m.SetContext(context.WithValue(m.Context(), seatKey{}, s))
	}
}

// board gives every message its seat: that of its last call, else one in a call
// that begins now.
func board(next Batch, msgs []*message.Message) []seat {
	seats := make([]seat, len(msgs))
	now := &call{over: make(chan struct{})}
	var going []*message.Message
	for i, m := range msgs {
		if seats[i] = seatOf(m); seats[i].call == nil {
			seats[i] = seat{now, len(going)}
			going = append(going, copyOf(m))
		}
	}
	if len(going) > 0 {
		go func() {
			defer close(now.over)
			now.errs = next(going)
		}()
	}
	return seats
}
