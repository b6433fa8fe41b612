package ordering

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
)

// ErrMiddleware is the error where beside the Resequencer stands a middleware that
// acknowledges, gives up or drops messages on its own.
var ErrMiddleware = errors.New("ordering: a middleware cannot be used beside the Resequencer")

// HaltMiddleware is the reason of a [HaltError] for ErrMiddleware. Nothing was
// acknowledged: the source delivers again what came.
const HaltMiddleware = "middleware"

// misfit is a middleware that breaks the order, or publish, checkpoint, ack.
type misfit struct {
	mark    string // of its function or file on a stack
	name    string
	before  string // what it does before the Resequencer; empty: it may stand there
	behind  string // likewise behind it
	instead string
}

const (
	stock = "/message/router/middleware/" // by file: Watermill's are often inlined, and then have other names
	own   = "github.com/brokerbridge/bridge/policies."
)

var misfits = []misfit{
	{
		stock + "retry.go", "Watermill's middleware.Retry",
		"sees no failure of the handler",
		"tries where nobody counts, and takes a stop for a failure",
		"put policies.Retry behind the Resequencer",
	},
	{
		stock + "poison.go", "Watermill's middleware.PoisonQueue",
		"gives up what would only come again",
		"gives a message up so that its key goes on without it",
		"leave it out: what fails for good becomes a dead letter in the store, and Resequencer.Redrive sends it through again at its place",
	},
	{
		stock + "ignore_errors.go", "Watermill's middleware.IgnoreErrors",
		"acknowledges what is not durable",
		"takes a failure for a delivery, and the key goes on without it",
		"let the handler return nil for what it means to ignore",
	},
	{
		stock + "instant_ack.go", "Watermill's middleware.InstantAck",
		"acknowledges before the checkpoint",
		"acknowledges before the checkpoint",
		"leave it out: the router acknowledges as soon as a message is durable",
	},
	{
		stock + "deduplicator.go", "Watermill's middleware.Deduplicator",
		"drops what comes again because it was not acknowledged",
		"drops the second try of a message",
		"leave it out: the Resequencer knows duplicates by their revision",
	},
	{
		own + "Retry.", "policies.Retry",
		"sees no failure of the handler",
		"",
		"put it behind the Resequencer, with Tried: ordering.Attempts",
	},
	{
		own + "DeadLetter.", "policies.DeadLetter",
		"sees no failure of the handler",
		"gives a message up so that its key goes on without it",
		"leave it out: what fails for good becomes a dead letter in the store, and Resequencer.Redrive sends it through again at its place",
	},
}

// is reports whether a frame is the middleware's.
func (m misfit) is(f runtime.Frame) bool {
	return strings.HasPrefix(f.Function, m.mark) || strings.HasSuffix(f.File, m.mark)
}

// does is what the middleware does there; empty: it may stand there.
func (m misfit) does(where place) string {
	if where == outside {
		return m.before
	}
	return m.behind
}

// place is on which side of the Resequencer a middleware stands.
type place string

const (
	outside place = "before"
	inside  place = "behind"
)

// find looks for a middleware that must not stand there.
func find(frames []runtime.Frame, where place) *misuse {
	for _, f := range frames {
		for _, m := range misfits {
			if does := m.does(where); does != "" && m.is(f) {
				return &misuse{HaltMiddleware, fmt.Errorf("%w: %s stands %s it, where it %s; %s", ErrMiddleware, m.name, where, does, m.instead)}
			}
		}
	}
	return nil
}

// misuse is the answer to a message that shall stay as it is, unacknowledged,
// because the Resequencer is built in wrongly. It ends Run.
type misuse struct {
	reason string // one of the Halt constants
	err    error
}

func (m *misuse) Error() string { return m.err.Error() }
func (m *misuse) Unwrap() error { return m.err }
