package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

const (
	askEvery   = time.Second      // how an operation is doing
	tellEvery  = 10 * time.Second // where no terminal shows a bar
	waitBridge = time.Minute      // for a bridge that restarts: the operation goes on by itself
)

// watch follows an operation until it does not run any more. A bridge that does
// not answer is waited for.
func watch(cmd *cobra.Command, c *client.Client, op api.Operation) (api.Operation, error) {
	ctx := cmd.Context()
	b := newBar(cmd)
	defer b.end()
	answered := time.Now()
	for pause := askEvery / 8; op.State == "running"; pause = min(2*pause, askEvery) {
		b.show(progressText(op), op.Total-op.Left, op.Total)
		select {
		case <-ctx.Done():
			return op, ctx.Err()
		case <-time.After(pause):
		}
		now, err := c.Operation(ctx, op.Route, op.ID)
		switch {
		case err == nil:
			op, answered = now, time.Now()
		case errors.Is(err, client.ErrUnreachable) && time.Since(answered) < waitBridge:
			b.show("no bridge answers, waiting for it", op.Total-op.Left, op.Total)
		default:
			return op, err
		}
	}
	return op, nil
}

// bar shows how far something is: on a terminal on one line that is drawn again
// and again, elsewhere on a line now and then.
type bar struct {
	cmd      *cobra.Command
	terminal *os.File
	drawn    bool
	told     time.Time
}

func newBar(cmd *cobra.Command) *bar {
	b := &bar{cmd: cmd, told: time.Now()}
	if f, ok := terminalOf(cmd.ErrOrStderr()); ok {
		b.terminal = f
	}
	return b
}

// show tells how far it is: so much of all, where that is known.
func (b *bar) show(text string, part, all int64) {
	text = printable(text)
	switch {
	case b.terminal != nil:
		fmt.Fprintf(b.terminal, "\r%s\x1b[K", barText(text, part, all, widthOf(b.terminal)-1))
		b.drawn = true
	case time.Since(b.told) >= tellEvery:
		b.told = time.Now()
		fmt.Fprintf(b.cmd.ErrOrStderr(), "%s %s\n", instant(b.told), text)
	}
}

// end leaves the line empty: what is said next says it all.
func (b *bar) end() {
	if b.drawn {
		fmt.Fprint(b.terminal, "\r\x1b[K")
	}
}

// barText is a bar and a text, both on one line of a terminal.
func barText(text string, part, all int64, width int) string {
	const cells = 20
	if all <= 0 || width < 2*cells {
		return short(text, width)
	}
	part = min(max(part, 0), all)
	full := int(part * cells / all)
	return short(fmt.Sprintf("[%s%s] %3d%% %s", strings.Repeat("#", full), strings.Repeat(".", cells-full), part*100/all, text), width)
}

// progressText is how an operation is doing, what matters most first.
func progressText(op api.Operation) string {
	text := fmt.Sprintf("%s/%s", count(op.Total-op.Left), count(op.Total))
	for _, of := range []struct {
		n    int64
		what string
	}{{op.Failed, "failed"}, {op.Refused, "refused"}, {op.Gone, "gone"}} {
		if of.n > 0 {
			text += fmt.Sprintf(", %s %s", count(of.n), of.what)
		}
	}
	if op.Speed > 0 {
		text += fmt.Sprintf(", %.3g/s", op.Speed)
	}
	if op.LeftSeconds > 0 {
		text += ", " + lasts(time.Duration(op.LeftSeconds)*time.Second) + " to go"
	}
	if op.New > 0 {
		text += fmt.Sprintf(", %s since it began", some64(op.New, "new failure"))
	}
	return text + " (" + op.Action + " on " + op.Route + ")"
}

// lasts is a duration, as exact as one cares.
func lasts(d time.Duration) string {
	switch {
	case d < time.Minute:
		return d.Round(time.Second).String()
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}
