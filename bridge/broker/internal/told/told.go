// Package told says how an edge stands: once per change, not once per try.
package told

import (
	"log/slog"
	"sync"
)

// Teller tells its log and its owner. Set the fields before the first Tell.
type Teller struct {
	Log   *slog.Logger
	State func(error) // may be nil
	Well  string      // what the log says when the error is gone
	Ill   string      // what the log says of an error

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
		t.Log.Warn(t.Ill, "error", err)
	} else {
		t.Log.Info(t.Well)
	}
	if t.State != nil {
		t.State(err)
	}
}

// Source tells of a source.
func Source(log *slog.Logger, state func(error)) *Teller {
	return &Teller{Log: log, State: state, Well: "the source delivers", Ill: "the source does not deliver"}
}

// Target tells of a target.
func Target(log *slog.Logger, state func(error)) *Teller {
	return &Teller{Log: log, State: state, Well: "the target takes messages", Ill: "the target does not take messages"}
}
