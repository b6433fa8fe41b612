package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/brokerbridge/bridge/bridge/demo/service"
	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
	"github.com/brokerbridge/bridge/bridge/internal/bench/proc"
)

// spin is a run of a game. All but the last three are of the time from the first
// message until the cause is mended.
type spin struct {
	Good     int     `json:"good"`             // messages that are not poisoned and were there
	P50      float64 `json:"p50_ms,omitzero"`  // of those that follow no poisoned one, whenever they came; 0: never
	P99      float64 `json:"p99_ms,omitzero"`  // the same
	Ahead    int     `json:"ahead"`            // messages that were there before the poisoned one of their key
	Again    float64 `json:"again_per_second"` // deliveries by RabbitMQ of what had come before
	Tries    int     `json:"tries"`            // calls of the handler with a poisoned one
	CPU      float64 `json:"cpu"`              // seconds per second, of the service
	Brokers  float64 `json:"brokers_cpu"`      // the same, of both brokers; 0: not known
	Dead     int     `json:"dead_letters"`
	Parked   int     `json:"parked"`
	LastGood float64 `json:"last_good_seconds,omitzero"` // after the first message; 0: some never came

	Missing int `json:"missing"`      // messages that are not at the target in the end
	Breaks  int `json:"order_breaks"` // messages after one of a higher revision of their key, in the end
	Left    int `json:"left_in_source"`
}

// settling is how long nothing may come at the end before what is missing counts as
// missing.
const settling = 5 * time.Second

// spin plays a game with one contender.
func (s *stage) spin(ctx context.Context, p plan, way direction, g *game, r *roulette, who contender) (spin, error) {
	p.Messages = r.Sent
	c, t := s.course(way), r.tally(g, p.Keys)
	dead := s.topic(deadOf(c.to.called()))
	if err := dead.create(ctx); err != nil {
		return spin{}, err
	}
	of := &crowd{plan: p, name: "key", heard: t.note, each: func(i int, m *load.Message) {
		if t.poisoned[i] {
			m.Poison = g.poison
		}
	}}
	got, err := on(ctx, c, func(ctx context.Context) (spin, error) {
		return c.spin(ctx, g, r, t, of, who)
	})
	return got, errors.Join(err, dead.drop(context.WithoutCancel(ctx)))
}

func (c *course) spin(ctx context.Context, g *game, r *roulette, t *tally, of *crowd, who contender) (got spin, err error) {
	c.receive(of.expect())
	if err := c.begin(ctx, of.plan, who); err != nil {
		return got, err
	}
	if err := c.consumed(ctx); err != nil {
		return got, err
	}
	before := c.used()
	t.when = load.Schedule{Start: time.Now().Add(connecting), Rate: r.Rate}
	if err := c.send(ctx, of, 0, r.Sent, t.when); err != nil {
		return got, err
	}
	mended := t.when.Start.Add(seconds(r.After))
	if err := c.until(ctx, mended, r.enough); err != nil {
		return got, err
	}
	if now := time.Now(); now.Before(mended) { // it was enough
		mended = now
	}
	got.cost(c.used(), before, time.Since(t.when.Start))
	if err := c.told(ctx, &got, r); err != nil {
		return got, err
	}
	if g.mend {
		if err := c.mover.(*process).Signal(syscall.SIGUSR1); err != nil {
			return got, err
		}
		c.sink.settle(ctx, of)
	}
	if got.Left, err = c.finish(ctx); err != nil {
		return got, err
	}
	got.count(t, mended)
	got.Missing, got.Breaks = of.outcome().Missing, of.found.Breaks
	return got, nil
}

// consumed waits until the source has its reader.
func (c *course) consumed(ctx context.Context) error {
	q := c.from.(*queue)
	for began := time.Now(); time.Since(began) < childTimeout; time.Sleep(lookEvery) {
		state, err := q.side.QueueDeclarePassive(q.name, true, false, false, false, nil)
		if err != nil || state.Consumers > 0 {
			return err
		}
		if err := errors.Join(c.mover.look(false), ctx.Err()); err != nil {
			return err
		}
	}
	return fmt.Errorf("nobody reads queue %q", q.name)
}

// until waits for a moment, or until it is enough, while the contender works.
func (c *course) until(ctx context.Context, at time.Time, enough func(service.Counts) bool) error {
	for time.Now().Before(at) {
		if err := errors.Join(c.mover.look(true), ctx.Err()); err != nil {
			return err
		}
		if enough != nil {
			if n, err := c.said(); err != nil || enough(n) {
				return err
			}
		}
		time.Sleep(min(lookEvery, time.Until(at)))
	}
	return nil
}

// settle waits until all of a crowd is there, or nothing comes any more.
func (k *sink) settle(ctx context.Context, of *crowd) {
	for began := time.Now(); ctx.Err() == nil; time.Sleep(lookEvery) {
		k.mu.Lock()
		over := of.seen.missing == 0 || time.Since(k.latest) > settling && time.Since(began) > settling
		k.mu.Unlock()
		if over {
			return
		}
	}
}

// used is the CPU of the contender and of the brokers so far.
func (c *course) used() (u [2]time.Duration) {
	if pid, err := processOf(c.mover).pid(); err == nil {
		u[0], _ = proc.CPU(pid)
	}
	u[1] = c.stage.brokersCPU(c.way)
	return u
}

func processOf(m mover) *process {
	if b, ok := m.(*bridge); ok {
		return b.process
	}
	return m.(*process)
}

func (s *spin) cost(now, before [2]time.Duration, took time.Duration) {
	s.CPU = (now[0] - before[0]).Seconds() / took.Seconds()
	s.Brokers = (now[1] - before[1]).Seconds() / took.Seconds()
}

// told is what the contender says of itself.
func (c *course) told(ctx context.Context, s *spin, r *roulette) error {
	if b, ok := c.mover.(*bridge); ok {
		taken, err := b.gauge(ctx, "bridge_messages_received_total")
		dead, err2 := b.gauge(ctx, "bridge_dead_letter_messages")
		parked, err3 := b.gauge(ctx, "bridge_parked_messages")
		s.Again, s.Dead, s.Parked = float64(taken-r.Sent)/r.After, dead, parked
		return errors.Join(err, err2, err3)
	}
	n, err := c.said()
	s.Again, s.Tries = float64(n.Again)/r.After, n.Refused
	s.Dead, s.Parked = n.Dead, n.Parked
	return err
}

// count is what the tally says.
func (s *spin) count(t *tally, mended time.Time) {
	took, last := t.free()
	s.Good, s.Ahead = t.good(mended), t.ahead
	s.P50, s.P99, s.LastGood = finite(quantile(took, 50)), finite(quantile(took, 99)), finite(last)
}
