package store

import (
	"encoding/hex"
	"slices"
	"time"
)

// Tries is the story of a message's failures.
type Tries struct {
	Attempts    int // since it was redriven last
	FirstFailed time.Time
	LastFailed  time.Time
	Class       string
	Error       string
	Log         *TryLog // each of them; nil: nothing is known
}

// Trace names a span of a trace, as OpenTelemetry does. Zero: none.
type Trace struct {
	ID   [16]byte
	Span [8]byte
}

// String is the id of the trace in 32 hexadecimal digits; empty: none.
func (t Trace) String() string { return hexOf(t.ID[:]) }

// SpanString is the id of the span in 16 hexadecimal digits; empty: none.
func (t Trace) SpanString() string { return hexOf(t.Span[:]) }

func hexOf(b []byte) string {
	if !slices.ContainsFunc(b, func(b byte) bool { return b != 0 }) {
		return ""
	}
	return hex.EncodeToString(b)
}

// ParseTrace reads what the two strings of a Trace say. What says nothing of the
// kind is none.
func ParseTrace(id, span string) (t Trace) {
	if len(id) != 2*len(t.ID) || len(span) != 2*len(t.Span) {
		return Trace{}
	}
	if _, err := hex.Decode(t.ID[:], []byte(id)); err != nil {
		return Trace{}
	}
	if _, err := hex.Decode(t.Span[:], []byte(span)); err != nil {
		return Trace{}
	}
	return t
}

// Try is a try that failed.
type Try struct {
	At       time.Time     // when it failed
	Took     time.Duration // 0: not known
	Class    string
	Error    string
	Trace    Trace
	Redrives int // how often the message had been redriven before
}

// MostTries is how many tries a [TryLog] has of the first ones, and as many of the
// last ones.
const MostTries = 15

// TryLog is the tries of a message that failed, oldest first. It is never changed,
// only replaced, and so may be shared.
type TryLog struct {
	First    []Try
	Last     []Try // of those after First
	Omitted  int   // how many there were between them
	Redrives int   // how often the message was redriven
}

// NewTryLog is the log of tries that were kept elsewhere, of which some were left
// out behind the first [MostTries]; nil: there is nothing to keep.
func NewTryLog(tries []Try, omitted, redrives int) *TryLog {
	if len(tries) == 0 && redrives <= 0 {
		return nil
	}
	l := &TryLog{}
	for i, t := range tries {
		l.Redrives = max(t.Redrives, 0)
		l = l.Add(t)
		if i == MostTries-1 {
			l.Omitted = max(omitted, 0)
		}
	}
	l.Redrives = max(redrives, l.Redrives)
	return l
}

// Add returns the log with one more try, of the life in which the message is, and
// with its error cut to what is kept. A nil log is an empty one.
func (l *TryLog) Add(t Try) *TryLog {
	n := l.copy()
	t.At, t.Error, t.Redrives = t.At.Round(0).UTC(), ErrorText(t.Error), n.Redrives
	n.share(&t)
	switch {
	case len(n.First) < MostTries && len(n.Last) == 0 && n.Omitted == 0:
		n.First = append(n.First, t)
	case len(n.Last) < MostTries:
		n.Last = append(n.Last, t)
	default:
		n.Last = append(n.Last[1:], t)
		n.Omitted++
	}
	return n
}

// Redriven returns the log of a message that goes through again.
func (l *TryLog) Redriven() *TryLog {
	n := l.copy()
	n.Redrives++
	return n
}

func (l *TryLog) copy() *TryLog {
	if l == nil {
		return &TryLog{}
	}
	return &TryLog{slices.Clone(l.First), slices.Clone(l.Last), l.Omitted, l.Redrives}
}

// share has a try use the texts of one before it that says the same.
func (l *TryLog) share(t *Try) {
	for _, was := range l.All() {
		if was.Class == t.Class {
			t.Class = was.Class
		}
		if was.Error == t.Error {
			t.Error = was.Error
		}
	}
}

// All returns the tries that are kept; Omitted more belong behind the first
// MostTries of them.
func (l *TryLog) All() []Try {
	if l == nil {
		return nil
	}
	return slices.Concat(l.First, l.Last)
}

// Latest returns the last try; false: there is none.
func (l *TryLog) Latest() (t Try, ok bool) {
	all := l.All()
	if len(all) == 0 {
		return t, false
	}
	return all[len(all)-1], true
}

// Size is about what the log takes in memory.
func (l *TryLog) Size() (n int) {
	const bare = 128 // a Try without its texts
	last := ""
	for _, t := range l.All() {
		n += bare
		if t.Error != last {
			n += len(t.Error)
		}
		last = t.Error
	}
	return n
}

// maxErrorText is how much of an error's text is kept, in bytes.
const maxErrorText = 2048

// ErrorText cuts the text of an error to what is kept of it.
func ErrorText(s string) string {
	if len(s) > maxErrorText && !isCut(s) {
		return s[:maxErrorText] + cut
	}
	return s
}

// cut ends what was cut, so that it is not cut again.
const cut = "…"

func isCut(s string) bool { return len(s) == maxErrorText+len(cut) && s[maxErrorText:] == cut }
