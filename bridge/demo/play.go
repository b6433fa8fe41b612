package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/brokerbridge/bridge/bridge/demo/internal/screen"
	"github.com/brokerbridge/bridge/bridge/demo/internal/stream"
)

const (
	glance = 100 * time.Millisecond
	calm   = 5 // glances in a row without a change, until everything rests
	// tooLong is how long after the last message everything must have come to
	// rest.
	tooLong = 20 * time.Second
)

// played is what was seen while the demo ran.
type played struct {
	took    time.Duration // from the first message until everything rested
	sending time.Duration
	rested  bool
	paused  string // why the route stopped taking messages, if it did
	seen    seen
}

// play runs bridge and feed until everything rests, and the bridge until it has
// stopped.
func (st *stage) play(ctx context.Context, s *stream.Stream, opts Options, view screen.View) (played, error) {
	running, stop := context.WithCancel(ctx)
	defer stop()
	var parts sync.WaitGroup
	defer parts.Wait()
	defer stop() // before the wait

	told := make(chan string)
	f := newFeed(st, s, opts.pace(len(s.Sends)), func(what string) {
		select {
		case told <- what:
		case <-running.Done():
		}
	})
	ended := make(chan error, 1)
	parts.Go(func() { ended <- st.bridge.Run(running) })
	fed := make(chan struct{})
	parts.Go(func() {
		defer close(fed)
		f.run(running)
	})

	w := newWatcher(st, s, f, view)
	p, err := w.follow(ctx, told, fed, ended)
	stop()
	parts.Wait()
	return p, err
}

// follow watches until everything rests.
func (w *watcher) follow(ctx context.Context, told <-chan string, fed <-chan struct{}, ended <-chan error) (played, error) {
	tick := time.NewTicker(glance)
	defer tick.Stop()
	var p played
	for {
		select {
		case what := <-told:
			w.view.Tell(w.elapsed(), what)
		case <-fed:
			fed = nil
			p.sending = w.elapsed()
			w.view.Tell(p.sending, "everything was sent")
		case err := <-ended:
			return p, errors.Join(fmt.Errorf("the bridge ended early"), err, ctx.Err())
		case <-ctx.Done():
			return p, ctx.Err()
		case <-tick.C:
			if err := w.look(ctx); err != nil {
				return p, err
			}
			p.took, p.seen = w.elapsed(), w.seen
			p.rested, p.paused = p.sending > 0 && w.still >= calm, w.paused
			if p.rested || p.paused != "" || p.sending > 0 && p.took-p.sending > tooLong {
				return p, nil
			}
		}
	}
}
