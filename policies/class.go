package policies

import (
	"context"
	"errors"
	"fmt"
)

// Class says whose fault a failure is, and so what becomes of it.
type Class uint8

// The classes. An error that says nothing of its class is Transient.
const (
	// Transient: this message, this time. Tried again, a bounded number of times.
	Transient Class = iota
	// Unavailable: the target's fault, for everybody. No try is spent, nothing is
	// given up; intake pauses until the target is back.
	Unavailable
	// Permanent: this message, always. Given up at once.
	Permanent
	// Interrupted: nobody's fault, the process is stopping. As if never tried.
	Interrupted
)

var classNames = [...]string{"transient", "unavailable", "permanent", "interrupted"}

// String is the class as dead letters and metrics spell it.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return fmt.Sprintf("class(%d)", uint8(c))
}

// Classified is an error that knows its class and, where a dead letter follows,
// its reason.
type Classified struct {
	Class  Class
	Reason string // a dead letter's reason, such as "too_large"; empty: the policy's own
	Err    error
}

func (e *Classified) class() Class   { return e.Class }
func (e *Classified) reason() string { return e.Reason }

// Classified tells package ordering, which knows only this method of it, what to do
// where no [Retry] stands between it and the handler.
func (e *Classified) Classified() (class, reason string) { return e.Class.String(), e.Reason }

// Error is the wrapped error's text.
func (e *Classified) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *Classified) Unwrap() error { return e.Err }

// As says what class an error is of. Handlers return it to choose what becomes
// of their message. As(c, nil) is nil.
func As(c Class, err error) error {
	return Because(c, "", err)
}

// Because is [As] with the reason a dead letter would carry.
func Because(c Class, reason string, err error) error {
	if err == nil {
		return nil
	}
	return &Classified{Class: c, Reason: reason, Err: err}
}

// ClassOf returns the class of an error: what the outermost [Classified] or
// [Verdict] in its chain says, Interrupted for a cancelled context, else
// Transient.
func ClassOf(err error) Class {
	var c interface{ class() Class }
	switch {
	case errors.As(err, &c):
		return c.class()
	case errors.Is(err, context.Canceled):
		return Interrupted
	}
	return Transient
}

// ReasonOf returns the reason an error carries, or "".
func ReasonOf(err error) string {
	var c interface{ reason() string }
	if errors.As(err, &c) {
		return c.reason()
	}
	return ""
}
