package screen

import (
	"fmt"
	"io"
	"strings"
	"time"
)

const barWidth = 40

// live draws a block of lines and, before it draws it anew, goes back to its
// top. It needs two things of a terminal, both as old as the VT100, and no
// colours.
type live struct {
	out   io.Writer
	drawn int // lines below which the cursor stands
	last  Now
}

const (
	up        = "\x1b[%dA"
	clearDown = "\x1b[J"
)

func (l *live) Show(now Now) {
	l.last = now
	l.draw("")
}

func (l *live) Tell(after time.Duration, what string) { l.draw(told(after, what)) }

func (l *live) Say(text string) {
	l.drawn = 0
	fmt.Fprint(l.out, text)
}

func (l *live) End() { l.drawn = 0 }

// draw replaces the block, with text above it that stays. All is written at
// once, so that nothing flickers.
func (l *live) draw(above string) {
	var b strings.Builder
	if l.drawn > 0 {
		fmt.Fprintf(&b, up, l.drawn)
		b.WriteString(clearDown)
	}
	b.WriteString(above)
	block := l.last.block()
	b.WriteString(block)
	l.drawn = strings.Count(block, "\n")
	fmt.Fprint(l.out, b.String())
}

// block is what is drawn: lines of less than 80 columns, which no terminal
// breaks.
func (n Now) block() string {
	var b strings.Builder
	line := func(label, format string, args ...any) {
		fmt.Fprintf(&b, "  %-12s"+format+"\n", append([]any{label}, args...)...)
	}
	b.WriteString("\n")
	line("sent", "%s %s of %s", bar(n.Sent, n.ToSend), Count(n.Sent), Count(n.ToSend))
	line("in Kafka", "%s %s, %s/s", bar(n.Delivered, n.ToSend), Count(n.Delivered), Count(n.PerSecond))
	line("dropped", "%s duplicates", Count(n.Duplicates))
	line("waiting", "%-20s %s", Count(n.Held)+" in memory", Count(n.Parked)+" parked on disk")
	line("given up", "%s dead letters", Count(n.Dead))
	line("keys", "%-20s %s", Count(n.Gaps)+" with a gap", Count(n.Quarantined)+" in quarantine")
	trouble := n.Trouble
	if trouble == "" {
		trouble = "running"
	}
	line("route", "%.60s", trouble)
	return b.String()
}

func bar(part, whole int64) string {
	full := 0
	if whole > 0 {
		full = int(min(part, whole) * barWidth / whole)
	}
	return strings.Repeat("█", full) + strings.Repeat("░", barWidth-full)
}
