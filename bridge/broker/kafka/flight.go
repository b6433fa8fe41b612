package kafka

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/ordering/failpoint"
)

// flight is one batch on its way.
type flight struct {
	writer
	promise func(*kgo.Record, error) // made once: a method value allocates

	left   atomic.Int64
	landed chan struct{} // has an element when nothing is left

	mu     sync.Mutex
	failed map[*kgo.Record]error // most flights have none
}

var flights = sync.Pool{New: func() any {
	f := &flight{landed: make(chan struct{}, 1)}
	f.promise = f.done
	return f
}}

// refusal is what became of a record that was sent, and not confirmed.
type refusal struct {
	topic string
	error
}

func (r *refusal) Unwrap() error { return r.error }

// fly sends the messages and returns when the outcome of each is known: nil, a
// refusal, or why it was not sent. If that takes long, State is told. With now,
// records that came with a time get another.
func (t *Target) fly(client *kgo.Client, topic string, msgs []*message.Message, now bool) []error {
	errs := make([]error, len(msgs))
	if len(msgs) == 0 {
		return errs
	}
	f := flights.Get().(*flight)
	f.write(t, topic, msgs, now, errs)
	f.send(client, errs)
	f.wait(t.watch.late)
	failpoint.Hit(failpoint.Confirmed)
	f.collect(errs)
	f.forget()
	flights.Put(f)
	return errs
}

func (f *flight) send(client *kgo.Client, errs []error) {
	f.left.Store(int64(len(f.records)) + 1) // one more, so that it cannot land while it takes off
	failpoint.Hit(failpoint.BeforePublish)
	for i := range f.records {
		if errs[i] != nil {
			f.landedOne()
			continue
		}
		// No context: what an idempotent producer has begun must not be cancelled.
		client.Produce(context.Background(), &f.records[i], f.promise)
	}
	failpoint.Hit(failpoint.Unconfirmed)
	f.landedOne()
}

func (f *flight) done(r *kgo.Record, err error) {
	if err != nil {
		f.mu.Lock()
		if f.failed == nil {
			f.failed = map[*kgo.Record]error{}
		}
		f.failed[r] = err
		f.mu.Unlock()
	}
	f.landedOne()
}

func (f *flight) landedOne() {
	if f.left.Add(-1) == 0 {
		f.landed <- struct{}{}
	}
}

func (f *flight) wait(late func()) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-f.landed:
	case <-timer.C:
		late()
		<-f.landed
	}
}

func (f *flight) collect(errs []error) {
	if f.failed == nil {
		return
	}
	for i := range f.records {
		r := &f.records[i]
		refused := apart(r)
		switch err := f.failed[r]; {
		case err == nil:
		case refused:
			errs[i] = errApart
		default:
			errs[i] = &refusal{r.Topic, err}
		}
	}
	f.failed = nil
}
