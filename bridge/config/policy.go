package config

import (
	"strconv"
	"time"
)

// Retry is how often, and at which pace, a failing message is tried.
type Retry struct {
	// Off is true after `retry: off`; Attempts is then 1.
	Off bool

	// Attempts counts the first one. 1: no retry. At most 1000. Default 10.
	Attempts int

	// Initial is the pause after the first attempt, at least 1ms. Default 200ms.
	Initial time.Duration

	// Max is the longest pause, not less than Initial. Default 30s.
	Max time.Duration

	// Multiplier is by how much each pause exceeds the one before. From 1 (always
	// the same) to 100. Default 2.
	Multiplier float64

	// Jitter is the part of each pause that is left to chance, so that many failures
	// do not try in step. 0 to 1. Default 0.5.
	Jitter float64

	// Timeout is how long one attempt may take until the target counts as away. The
	// attempt is still awaited. At least 1ms. Default 10s.
	Timeout time.Duration

	// Rules override Attempts, Initial and Max for some failures; the first that
	// fits is used. A permanent failure is tried again only by a rule.
	Rules []RetryRule
}

// RetryRule is a retry policy for some failures. Exactly one of Class and Reason
// is set; what is left out is that of the route.
type RetryRule struct {
	// Class is transient or permanent. Other failures spend no try.
	Class string

	// Reason is that of the dead letter which the failure would become, such as
	// too_large.
	Reason string

	Attempts     int
	Initial, Max time.Duration
}

// Breaker pauses a route while its target refuses everybody.
type Breaker struct {
	// Off is true after `breaker: off`: a target that is away is then found out by
	// every message anew.
	Off bool

	// Ratio of failures that opens it. Over 0, to 1. Default 0.5.
	Ratio float64

	// Min is how many attempts a window needs to say anything. From 1. Default 20.
	Min int

	// Window is the time over which attempts are counted. Default 10s.
	Window time.Duration

	// OpenFor is how long it stays open before one message is let through to see.
	// Default 15s.
	OpenFor time.Duration
}

// DeadLetter is what happens when a message is given up. The message is always
// kept in the store first.
type DeadLetter struct {
	// Then is quarantine, continue or stop. Default quarantine on routes that keep
	// an order, continue on others, which cannot quarantine.
	Then Then

	// To is a queue or topic that gets a copy of every dead letter. Nil, the
	// default, written `off`: none.
	To *To

	// StopAfter pauses the route when so many of the messages that ended last became
	// dead letters. Copies do not count, nor do conflicts between two messages of
	// one revision. The zero value, written `off`: never.
	StopAfter Share

	// Edit allows operators to give dead letters other content; what they were is
	// kept. Default false.
	Edit bool

	// Reply tells senders that ask for a reply that their message became a dead
	// letter: on the broker of the source, in the queue or topic that they name.
	// Default false.
	Reply bool
}

// Share is a part of the last messages, written "25 of 100".
type Share struct{ Count, Of int }

// IsZero reports whether no share was given.
func (s Share) IsZero() bool { return s == Share{} }

// String is the share as the file writes it.
func (s Share) String() string {
	return strconv.Itoa(s.Count) + " of " + strconv.Itoa(s.Of)
}

// Park bounds what a route may keep in the store while keys wait.
type Park struct {
	// MaxBytes is the size at which the route pauses intake. 0, the default, written
	// `off`: no limit but the store's min_free.
	MaxBytes int64
}
