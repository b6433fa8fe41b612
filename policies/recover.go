package policies

import (
	"bytes"
	"fmt"
	"runtime/debug"

	"github.com/ThreeDotsLabs/watermill/message"
)

// maxStack is how much of a stack an error keeps: its beginning, where the panic
// came from. Who keeps less of an error's text keeps that too.
const maxStack = 8 << 10

// Recover turns a panic into a [Permanent] failure with the reason "panic" whose
// text ends with the stack: the same message would panic again.
//
// In a plain router it belongs inside [Retry] and [Breaker].
type Recover struct{}

// Middleware contains a handler's panics.
func (r Recover) Middleware(h message.HandlerFunc) message.HandlerFunc {
	return single(r.Batch, h)
}

// Batch contains next's panics. When several messages panic together, they are
// passed again one by one, in order, so that only the guilty one is blamed;
// those that had got through before the panic get through twice. Messages
// behind the guilty one are not held back: what keeps an order belongs inside
// Recover, or passes it one message of a key at a time.
func (Recover) Batch(next Batch) Batch {
	return func(msgs []*message.Message) []error {
		errs, panicked := guard(next, msgs)
		if panicked == nil {
			return errs
		}
		if len(msgs) == 1 {
			return []error{panicked}
		}
		return oneByOne(next, msgs)
	}
}

func oneByOne(next Batch, msgs []*message.Message) []error {
	all := make([]error, len(msgs))
	for i := range msgs {
		errs, panicked := guard(next, msgs[i:i+1])
		if all[i] = panicked; panicked == nil {
			all[i] = errs[0]
		}
	}
	return all
}

// guard calls next and returns its panic, if any, as an error.
func guard(next Batch, msgs []*message.Message) (errs []error, panicked error) {
	defer func() {
		if v := recover(); v != nil {
			panicked = Because(Permanent, "panic", newPanic(v))
		}
	}()
	return next(msgs), nil
}

// panicError is a contained panic.
type panicError struct {
	value any
	stack []byte
}

func newPanic(v any) *panicError {
	stack := origin(debug.Stack())
	return &panicError{value: v, stack: stack[:min(len(stack), maxStack)]}
}

// origin is a stack from where the panic came, without those who caught it.
func origin(stack []byte) []byte {
	_, from, found := bytes.Cut(stack, []byte("\npanic("))
	for range 2 { // the rest of that line, and where it stands
		if _, next, ok := bytes.Cut(from, []byte("\n")); ok {
			from = next
		}
	}
	if !found {
		return stack
	}
	return from
}

// Error is the panic's value, then the stack.
func (e *panicError) Error() string {
	return fmt.Sprintf("panic: %v\n\n%s", e.value, e.stack)
}

// Unwrap returns the value if it is an error.
func (e *panicError) Unwrap() error {
	err, _ := e.value.(error)
	return err
}
