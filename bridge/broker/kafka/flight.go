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

// fly sends the messages and returns when the outcome of each is known. late is
// called, once, if that takes long.
func fly(client *kgo.Client, topic string, msgs []*message.Message, late func()) []error {
	errs := make([]error, len(msgs))
	if len(msgs) == 0 {
		return errs
	}
	f := flights.Get().(*flight)
	f.left.Store(int64(len(msgs)))
	records := f.write(topic, msgs)
	failpoint.Hit(failpoint.BeforePublish)
	for i := range records {
		// No context: what an idempotent producer has begun must not be cancelled.
		client.Produce(context.Background(), &records[i], f.promise)
	}
	failpoint.Hit(failpoint.Unconfirmed)
	f.wait(late)
	failpoint.Hit(failpoint.Confirmed)
	f.collect(records, errs)
	f.forget()
	flights.Put(f)
	return errs
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

func (f *flight) collect(records []kgo.Record, errs []error) {
	if f.failed == nil {
		return
	}
	for i := range records {
		errs[i] = f.failed[&records[i]]
	}
	f.failed = nil
}
