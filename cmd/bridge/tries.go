package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// triesText lists the failed tries of a dead letter, and says where a redrive
// began.
func triesText(out io.Writer, d api.DeadLetterDetail) {
	if len(d.Tries) == 0 {
		return
	}
	fmt.Fprintf(out, "\nfailed tries\n")
	before := api.Try{}
	for i, t := range d.Tries {
		if d.TriesOmitted > 0 && i == firstTries {
			fmt.Fprintf(out, "  … %d more\n", d.TriesOmitted)
		}
		if t.Redrives > before.Redrives {
			fmt.Fprintf(out, "  redriven\n")
		}
		error, _, _ := strings.Cut(t.Error, "\n")
		if i > 0 && t.Error == before.Error {
			error = "the same"
		}
		fmt.Fprintf(out, "  %s: %s\n", printable(tryText(t)), printable(error))
		before = t
	}
}

// firstTries is how many of the first tries the bridge keeps.
const firstTries = 15

// tryText says when a try failed, and how; its error is said beside it.
func tryText(t api.Try) string {
	text := instant(t.At)
	if t.Took > 0 {
		text += ", took " + took(t.Took)
	}
	text += ", " + t.Class
	if t.Trace != "" {
		text += ", trace " + t.Trace
	}
	return text
}

// took is a duration of seconds as people say it.
func took(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(time.Millisecond).String()
	default:
		return d.Round(time.Microsecond).String()
	}
}
