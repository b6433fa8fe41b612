package policies

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
)

// plain is somebody's Watermill router with one source.
type plain struct {
	t      *testing.T
	router *message.Router
	source *gochannel.GoChannel
	stop   func()
}

func newPlain(t *testing.T) *plain {
	t.Helper()
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	return &plain{t: t, router: router, source: gochannel.NewGoChannel(gochannel.Config{}, nil)}
}

// run starts the router and publishes n messages. stop ends it and waits.
func (p *plain) run(n int) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	ended := make(chan error)
	go func() { ended <- p.router.Run(ctx) }()
	<-p.router.Running()
	if err := p.source.Publish("in", messages(n)...); err != nil {
		p.t.Error(err)
	}
	p.stop = func() {
		cancel()
		if err := errors.Join(<-ended, p.source.Close()); err != nil {
			p.t.Error(err)
		}
	}
}

// Stopping a router cancels the contexts of healthy messages: their handlers
// fail, and stock Retry and PoisonQueue then give them up.
func TestW8_StoppingTheRouterGivesNothingUp(t *testing.T) {
	for round := range 50 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dead, p := &recorder{}, newPlain(t)
				p.router.AddConsumerHandler("orders", "in", p.source, healthy).AddMiddleware(
					DeadLetter{Publisher: dead}.Middleware,
					Retry{Attempts: 2, Initial: 300 * time.Millisecond}.Middleware,
					NewBreaker(BreakerConfig{}).Middleware,
					Recover{}.Middleware,
				)
				p.run(200)
				time.Sleep(rand.N(3 * time.Second))
				p.stop()
				if got := dead.got(); len(got) > 0 {
					t.Errorf("%d healthy messages given up: %v", len(got), got[0].Metadata)
				}
			})
		})
	}
}

// healthy succeeds unless it is stopped at work; what it then returns does not
// say why, as errors of lost connections do not.
func healthy(m *message.Message) error {
	t := time.NewTimer(rand.N(2 * time.Second))
	defer t.Stop()
	select {
	case <-m.Context().Done():
		return As(Class(rand.N(3)), errors.New("use of closed connection"))
	case <-t.C:
		return nil
	}
}

// The router publishes what a handler returns after every middleware has
// returned: no policy sees that fail.
func TestR1_PublishInsideTheChain(t *testing.T) {
	for _, tt := range []struct {
		name  string
		by    func(p *plain, out *recorder) *message.Handler
		tries int
	}{
		{"inside the chain", publishInside, 1},
		{"by the router", publishByRouter, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out, p, chains := &recorder{fail: times(2, errFlaky)}, newPlain(t), 0
				tt.by(p, out).AddMiddleware(
					func(h message.HandlerFunc) message.HandlerFunc {
						return func(m *message.Message) ([]*message.Message, error) { chains++; return h(m) }
					},
					steady.Middleware,
				)
				p.run(1)
				time.Sleep(time.Minute)
				p.stop()
				if len(out.got()) != 1 || out.asked != 3 {
					t.Errorf("published %d times of %d", len(out.got()), out.asked)
				}
				if chains != tt.tries {
					t.Errorf("delivered %d times, want %d: Retry sees a failed publish only inside the chain", chains, tt.tries)
				}
			})
		})
	}
}

func publishInside(p *plain, out *recorder) *message.Handler {
	return p.router.AddConsumerHandler("orders", "in", p.source, func(m *message.Message) error {
		return out.Publish("out", m)
	})
}

func publishByRouter(p *plain, out *recorder) *message.Handler {
	return p.router.AddHandler("orders", "in", p.source, "out", out, func(m *message.Message) ([]*message.Message, error) {
		return []*message.Message{m}, nil
	})
}

// An outage is not poison, however long it lasts: a day of it costs no message
// and no try, and what waited is delivered without a human (I8).
func TestBreakerOpenDeadLettersNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead, out, p, asked := &recorder{}, &recorder{}, newPlain(t), 0
		back := time.Now().Add(24 * time.Hour)
		target := func(m *message.Message) error {
			asked++
			if time.Now().Before(back) {
				return errAway
			}
			return out.Publish("out", m)
		}
		p.router.AddConsumerHandler("orders", "in", p.source, serially(target)).AddMiddleware(
			DeadLetter{Publisher: dead}.Middleware,
			Retry{Attempts: 1}.Middleware,
			NewBreaker(BreakerConfig{}).Middleware,
		)
		p.run(100)
		time.Sleep(24*time.Hour + time.Minute)
		p.stop()
		if n := len(dead.got()); n > 0 {
			t.Errorf("%d messages given up: %v", n, dead.got()[0].Metadata)
		}
		if n := len(out.got()); n != 100 {
			t.Errorf("%d delivered of 100", n)
		}
		if probes := int(24 * time.Hour / (15 * time.Second)); asked > probes+300 {
			t.Errorf("the target was asked %d times, want about %d", asked, probes)
		}
	})
}

// serially calls h for one message at a time.
func serially(h message.NoPublishHandlerFunc) message.NoPublishHandlerFunc {
	turn := make(chan struct{}, 1)
	return func(m *message.Message) error {
		turn <- struct{}{}
		defer func() { <-turn }()
		return h(m)
	}
}

// The whole chain on poison among good messages: each ends where it belongs.
func TestPoisonEndsAsADeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead, out, p := &recorder{}, &recorder{}, newPlain(t)
		p.router.AddConsumerHandler("orders", "in", p.source, func(m *message.Message) error {
			switch m.UUID {
			case "1":
				panic("boom")
			case "2":
				return errBad
			case "3":
				return errFlaky
			}
			return out.Publish("out", m)
		}).AddMiddleware(
			DeadLetter{Publisher: dead, Topic: "dlq"}.Middleware,
			Retry{Attempts: 3}.Middleware,
			NewBreaker(BreakerConfig{}).Middleware,
			Recover{}.Middleware,
		)
		p.run(6)
		time.Sleep(time.Minute)
		p.stop()
		story := map[string]string{}
		for _, m := range dead.got() {
			story[m.UUID] = m.Metadata[HeaderReason] + " after " + m.Metadata[HeaderAttempts] + " in " + m.Metadata[HeaderRoute]
		}
		want := map[string]string{"1": "panic after 1 in orders", "2": "too_large after 1 in orders", "3": "max_attempts after 3 in orders"}
		if fmt.Sprint(story) != fmt.Sprint(want) || len(out.got()) != 3 {
			t.Errorf("%d delivered, dead letters %v", len(out.got()), story)
		}
	})
}

// What the policies add to a batch that goes well.
func BenchmarkChain(b *testing.B) {
	msgs, errs := messages(1000), times(1000, nil)
	chain := Recover{}.Batch(Retry{}.Batch(NewBreaker(BreakerConfig{}).Batch(func([]*message.Message) []error { return errs })))
	b.ReportAllocs()
	for b.Loop() {
		chain(msgs)
	}
}
