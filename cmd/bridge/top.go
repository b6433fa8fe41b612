package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
	"github.com/brokerbridge/bridge/bridge/status"
)

const topLong = `Shows what a running bridge does, every second: its routes, what most messages wait
for, and the operations that run. The arrows, or j and k, choose a route, of which more
is shown; q ends it. Nothing can be changed from here.

In and out are messages a second, taken from the sources and delivered. Where the
output is no terminal, what there is now is printed once.`

func newTop() *cobra.Command {
	var a ask
	cmd := &cobra.Command{
		Use: "top", Short: "Watch a running bridge", Args: cobra.NoArgs, Long: topLong,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			c, err := a.client(cmd)
			if err != nil {
				return err
			}
			in, canType := terminalOf(cmd.InOrStdin())
			out, canDraw := terminalOf(cmd.OutOrStdout())
			if canType && canDraw {
				return newScreen(c, in, out).run(cmd.Context())
			}
			now, err := glance(cmd.Context(), c)
			if err != nil {
				return err
			}
			if a.output.value != "table" {
				return show(cmd, a.output.value, []sight{now}, nil)
			}
			for _, line := range (&picture{now: now, selected: -1}).lines() {
				fmt.Fprintln(cmd.OutOrStdout(), line)
			}
			return nil
		}),
	}
	a.add(cmd)
	return cmd
}

// sight is what a bridge does at one time.
type sight struct {
	At         time.Time       `json:"at"`
	Routes     []status.Route  `json:"routes"`
	Groups     []api.Group     `json:"groups"`
	Operations []api.Operation `json:"operations"` // that are not over
}

// glance asks the bridge. One that knows no groups or operations is an older one.
func glance(ctx context.Context, c *client.Client) (s sight, err error) {
	s = sight{At: time.Now(), Groups: []api.Group{}, Operations: []api.Operation{}}
	if s.Routes, err = c.Routes(ctx); err != nil {
		return s, err
	}
	for _, r := range s.Routes {
		for g, err := range c.Groups(ctx, r.Name, "") {
			if err := unlessUnknown(err); err != nil {
				return s, err
			} else if g.Dead > 0 {
				s.Groups = append(s.Groups, g)
			}
		}
		for op, err := range c.Operations(ctx, r.Name, client.List{}) {
			if err := unlessUnknown(err); err != nil {
				return s, err
			} else if op.State == "running" || op.State == "paused" || op.State == "stopped" {
				s.Operations = append(s.Operations, op)
			}
		}
	}
	return s, nil
}

func unlessUnknown(err error) error {
	if e, ok := errors.AsType[*api.Error](err); ok && e.Code == api.NotFound {
		return nil
	}
	return err
}

// screen is a terminal that is drawn again and again.
type screen struct {
	client  *client.Client
	in, out *os.File
	shown   picture
}

func newScreen(c *client.Client, in, out *os.File) *screen {
	return &screen{client: c, in: in, out: out}
}

const (
	enter = "\x1b[?1049h\x1b[?25l\x1b[?7l" // another page, no cursor, lines are cut
	leave = "\x1b[?7h\x1b[?25h\x1b[?1049l"
)

// run draws until somebody types q, or ctx ends. The terminal is left as it was.
func (s *screen) run(ctx context.Context) error {
	before, err := term.MakeRaw(int(s.in.Fd()))
	if err != nil {
		return fmt.Errorf("use the terminal: %w", err)
	}
	fmt.Fprint(s.out, enter)
	defer func() {
		fmt.Fprint(s.out, leave)
		_ = term.Restore(int(s.in.Fd()), before)
	}()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	keys := typedKeys(s.in)
	news := s.looks(ctx)
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	for {
		s.draw()
		select {
		case <-ctx.Done():
			return nil
		case <-resized:
		case k, ok := <-keys:
			if !ok || !s.shown.press(k) {
				return nil
			}
		case look := <-news:
			s.shown.see(look.sight, look.err)
		}
	}
}

// seen is what was seen, or why nothing was.
type seen struct {
	sight
	err error
}

// looks asks the bridge every second, beside the drawing: a bridge that is slow to
// answer does not make the keys slow.
func (s *screen) looks(ctx context.Context) <-chan seen {
	news := make(chan seen)
	go func() {
		for tick := time.NewTicker(time.Second); ; {
			now, err := glance(ctx, s.client)
			select {
			case news <- seen{now, err}:
			case <-ctx.Done():
				tick.Stop()
				return
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}()
	return news
}

// typedKeys reads what is typed; an arrow comes as one text. The reading ends with
// the process: nobody can wake it.
func typedKeys(in io.Reader) <-chan string {
	keys := make(chan string)
	go func() {
		defer close(keys)
		buf := make([]byte, 16)
		for {
			n, err := in.Read(buf)
			if err != nil {
				return
			}
			keys <- string(buf[:n])
		}
	}()
	return keys
}

func (s *screen) draw() {
	width, height, err := term.GetSize(int(s.out.Fd()))
	if err != nil {
		width, height = 80, 24
	}
	text := "\x1b[H"
	for i, line := range s.shown.fit(width, height) {
		if i > 0 {
			text += "\r\n"
		}
		text += line + "\x1b[K"
	}
	fmt.Fprint(s.out, text+"\x1b[J")
}
