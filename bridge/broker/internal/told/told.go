// Package told says how an edge stands: once per change, not once per try.
package told

import (
	"log/slog"
	"sync"
)

// Teller tells its log and its owner. Build it with [Source] or [Target].
type Teller struct {
	log   *slog.Logger
	state func(error) // may be nil
	well  string      // what the log says when the error is gone
	ill   string      // what the log says of an error

	mu   sync.Mutex // held while State is told: in the order of events
	said string     // "": nothing yet
}

// Tell says that the edge works (nil), or why it doesn't, unless that was the
// last thing said.
func (t *Teller) Tell(err error) {
	text := "well"
	if err != nil {
		text = err.Error()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if text == t.said {
		return
	}
	t.said = text
	if err != nil {
		t.log.Warn(t.ill, "error", err)
	} else {
		t.log.Info(t.well)
	}
	if t.state != nil {
		t.state(err)
	}
}

// Source tells of a source.
func Source(log *slog.Logger, state func(error)) *Teller {
	return &Teller{log: log, state: state, well: "the source delivers", ill: "the source does not deliver"}
}

// Target tells of a target.
func Target(log *slog.Logger, state func(error)) *Teller {
	return &Teller{log: log, state: state, well: "the target takes messages", ill: "the target does not take messages"}
}
