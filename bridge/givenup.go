package bridge

import (
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/foreign"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store"
)

// takesDeadLetters reports whether what a route reads are dead letters of others:
// all its sources are so, or none.
func takesDeadLetters(r config.Route) bool { return len(r.From) > 0 && r.From[0].DeadLetters }

// givenUp is what the headers of somebody else's dead letter say of it.
func givenUp(m *message.Message) *ordering.GivenUpError {
	e := &ordering.GivenUpError{Same: foreign.Same(m.Metadata)}
	letter, ok := foreign.Read(m.Metadata)
	if !ok {
		e.Tries.Error = "no header says why it was given up"
		return e
	}
	e.Tries = store.Tries{
		Attempts: letter.Attempts, FirstFailed: letter.When, LastFailed: letter.When, Error: letter.Error(),
	}
	return e
}
