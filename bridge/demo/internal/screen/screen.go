// Package screen shows a demo that is running: on a terminal a few lines that
// are drawn anew in place, elsewhere a line every second. What happens is told
// above them, once.
package screen

import (
	"fmt"
	"io"
	"strconv"
	"time"
)

// Now is what a view shows.
type Now struct {
	Elapsed time.Duration

	Sent, ToSend int64
	Delivered    int64
	PerSecond    int64 // delivered
	Duplicates   int64
	Held         int64 // in memory, unacknowledged
	Parked       int64
	Gaps         int64 // keys that wait for a revision
	Quarantined  int64 // keys
	Dead         int64
	Trouble      string // why the route does not move messages; empty: it does
}

// View shows. Its methods are called from one goroutine.
type View interface {
	// Show shows how things are now.
	Show(now Now)
	// Tell says what happened, after so long.
	Tell(after time.Duration, what string)
	// Say writes text as it is.
	Say(text string)
	// End leaves the last state on the screen.
	End()
}

// New returns the view for a terminal, or for anything else.
func New(out io.Writer, terminal bool) View {
	if terminal {
		return &live{out: out}
	}
	return &plain{out: out}
}

func told(after time.Duration, what string) string {
	return fmt.Sprintf("%6.1fs  %s\n", after.Seconds(), what)
}

// Count is a number with its thousands apart: 10,000.
func Count[N int | int64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
