package demo

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brokerbridge/bridge/bridge/demo/internal/stream"
)

const (
	beat        = 20 * time.Millisecond
	unpacedStep = 500 // messages, between two looks at the clock
	longOutage  = 1500 * time.Millisecond
)

// feed plays a stream into the queue, and the two accidents that no single
// message is to blame for: the source's connection is lost, Kafka refuses all.
type feed struct {
	st    *stage
	sends *stream.Stream
	pace  float64 // messages a second; 0: no limit
	tell  func(string)

	sent   atomic.Int64
	ahead  []accident
	outage *kfake.FaultHandle
	until  time.Time // of the outage
}

type accident struct {
	at      int // after so many sends
	happens func(now time.Time)
}

func newFeed(st *stage, s *stream.Stream, pace float64, tell func(string)) *feed {
	f := &feed{st: st, sends: s, pace: pace, tell: tell}
	n := len(s.Sends)
	f.ahead = []accident{{n * 45 / 100, f.disconnect}, {n * 65 / 100, f.refuseAll}}
	return f
}

// run sends everything, unless ctx ends.
func (f *feed) run(ctx context.Context) {
	defer f.restore()
	began := time.Now()
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for n := 0; n < len(f.sends.Sends) || f.outage != nil; {
		now := time.Now()
		due := min(f.due(n, now.Sub(began)), len(f.sends.Sends))
		f.st.shop.Put(queueName, f.sends.Sends[n:due]...)
		n = due
		f.sent.Store(int64(n))
		f.accidents(n, now)
		if f.pace == 0 && n < len(f.sends.Sends) && ctx.Err() == nil {
			continue
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// due is how many shall have been sent by now.
func (f *feed) due(n int, elapsed time.Duration) int {
	if f.pace == 0 {
		return n + unpacedStep
	}
	return int(elapsed.Seconds() * f.pace)
}

func (f *feed) accidents(n int, now time.Time) {
	if f.outage != nil && now.After(f.until) {
		f.restore()
		f.tell("Kafka takes writes again: nothing was given up, no attempt was counted")
	}
	for len(f.ahead) > 0 && n >= f.ahead[0].at {
		f.ahead[0].happens(now)
		f.ahead = f.ahead[1:]
	}
}

// disconnect ends the source's session, as a lost connection does.
func (f *feed) disconnect(time.Time) {
	f.tell("the connection to the queue is lost: what was not acknowledged comes again")
	f.st.shop.Break(queueName)
}

// refuseAll has Kafka refuse writes for a while, as it does when replicas are
// away.
func (f *feed) refuseAll(now time.Time) {
	f.tell("Kafka refuses every write for " + f.outageTime().String() + " (not enough replicas)")
	f.until = now.Add(f.outageTime())
	f.outage = f.st.cluster.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1,
	})
}

// outageTime fits the outage into a short demo.
func (f *feed) outageTime() time.Duration {
	if f.pace == 0 {
		return longOutage / 5
	}
	whole := time.Duration(float64(len(f.sends.Sends)) / f.pace * float64(time.Second))
	return min(longOutage, (whole / 8).Round(10*time.Millisecond))
}

func (f *feed) restore() {
	if f.outage != nil {
		f.outage.Remove()
		f.outage = nil
	}
}
