package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
	"github.com/brokerbridge/bridge/bridge/internal/bench/proc"
)

// drain is what one was like. Rates are in messages per second, memory is what the
// bridge had resident, in MiB.
type drain struct {
	Keys     int     `json:"keys"`
	Messages int     `json:"messages"` // that were parked
	Parking  float64 `json:"parking"`  // the rate, from the start of the process
	Rest     float64 `json:"rest_mib"` // when all were parked
	Most     float64 `json:"most_mib"` // until then
	Top      float64 `json:"top_mib"`  // until the end of the drain
	Rate     float64 `json:"rate"`     // at the target
	Fresh    float64 `json:"fresh"`    // the same, of messages that are not parked
	Found    string  `json:"found"`    // by the check
}

func (s *stage) drained(ctx context.Context, p plan, way direction, keys int) (drain, error) {
	c := s.course(way)
	return on(ctx, c, func(ctx context.Context) (drain, error) { return c.drained(ctx, parkedCrowd(p, keys)) })
}

// drained parks and drains, and nothing else.
func (c *course) drained(ctx context.Context, of *crowd) (d drain, err error) {
	b, took, err := c.park(ctx, of)
	if err != nil {
		return d, err
	}
	d = drain{Keys: of.Keys, Messages: of.parked(), Parking: float64(of.parked()) / took.Seconds()}
	time.Sleep(restFor)
	d.Rest, d.Most = b.resident()
	m, err := c.release(ctx, of)
	d.Top, d.Rate, d.Found = mib(b.cost().memory), m.Rate, m.outcome()
	return d, err
}

// release sends what is missing, and watches and checks what comes.
func (c *course) release(ctx context.Context, of *crowd) (m measure, err error) {
	if err := c.send(ctx, of, 0, of.Keys, load.Schedule{}); err != nil {
		return m, err
	}
	watched, err := watch(ctx, c.to, of.Messages, c.mover)
	if err != nil {
		return m, err
	}
	if m.Left, err = c.finish(ctx); err != nil {
		return m, err
	}
	return m, m.check(ctx, of.plan, c.to, watched)
}

// fresh is the bridge's rate with a quarter as many messages, none of them parked.
func (s *stage) fresh(ctx context.Context, p plan, way direction, keys int) (float64, error) {
	p.Keys = min(keys, p.Park)
	p.Messages = p.rounded(p.Park / 4)
	m, err := s.run(ctx, p, way, theBridge)
	return m.Rate, errors.Join(err, s.dropSources())
}

// resident is the memory that the bridge has now, and has had at most; 0 where that
// is not known.
func (b *bridge) resident() (now, most float64) {
	pid, err := b.pid()
	if err != nil {
		return 0, 0
	}
	resident, _ := proc.Resident(pid)
	peak, _ := proc.Peak(pid)
	return mib(resident), mib(peak)
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

func (d drain) line(round int) string {
	return fmt.Sprintf("%5d  %d parked of %d keys: %.0f/s; %.0f MiB at rest, %.0f at most; drained at %.0f/s with %.0f MiB, fresh %.0f/s   %s\n",
		round, d.Messages, d.Keys, d.Parking, d.Rest, d.Most, d.Rate, d.Top, d.Fresh, d.Found)
}

// tableOf is the medians of drains of as many keys.
func tableOf(all []drain) string {
	of := func(what func(drain) float64) spread {
		values := make([]float64, len(all))
		for i, d := range all {
			values[i] = what(d)
		}
		return middle(values)
	}
	return fmt.Sprintf("%9d %7d  %8.0f  %12.0f  %7.0f  %8.0f  %8.0f  %8.0f   %-21s  %s\n", all[0].Messages, all[0].Keys,
		of(func(d drain) float64 { return d.Parking }).Median, of(func(d drain) float64 { return d.Rest }).Median,
		of(func(d drain) float64 { return d.Most }).Median, of(func(d drain) float64 { return d.Top }).Median,
		of(func(d drain) float64 { return d.Rate }).Median, of(func(d drain) float64 { return d.Fresh }).Median,
		of(func(d drain) float64 { return d.Rate / d.Fresh }), found(all))
}

func found(all []drain) string {
	paces := make([]pace, len(all))
	for i, d := range all {
		paces[i].Found = d.Found
	}
	return worst(paces)
}
