package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
	"github.com/brokerbridge/bridge/policies"
)

// queues are where the events come from. Each is a route of its own, with lanes of
// its own, and so has its own revisions.
var queues = []string{"payment", "invoice", "fraud"}

// orders are all the orders in which three events can come.
var orders = [][3]string{
	{"payment", "invoice", "fraud"},
	{"payment", "fraud", "invoice"},
	{"invoice", "payment", "fraud"},
	{"invoice", "fraud", "payment"},
	{"fraud", "payment", "invoice"},
	{"fraud", "invoice", "payment"},
}

// service verifies payments.
type service struct {
	db     *records
	lanes  *pebble.Store
	routes []*ordering.Resequencer // one for each queue
	kill   string                  // the payment whose decision ends this process; empty: none
	out    io.Writer
}

// serve is the service, which is sent all events.
func serve(ctx context.Context, dir, kill string, out io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s := &service{kill: kill, out: out}
	if err := s.open(ctx, dir); err != nil {
		return err
	}
	// Publish returns when the event is acknowledged: handled or dropped.
	pubsub := gochannel.NewGoChannel(gochannel.Config{BlockPublishUntilSubscriberAck: true}, nil)
	ended, err := s.start(ctx, stop, pubsub)
	if err != nil {
		return err
	}
	err = errors.Join(produce(pubsub), s.count(ctx))
	stop()
	for range cap(ended) {
		err = errors.Join(err, <-ended)
	}
	return errors.Join(err, pubsub.Close(), s.lanes.Close(), s.db.Close())
}

func (s *service) open(ctx context.Context, dir string) (err error) {
	if s.lanes, err = pebble.Open(filepath.Join(dir, "lanes"), pebble.Options{}); err != nil {
		return err
	}
	s.db, err = openRecords(ctx, filepath.Join(dir, "records.db"))
	return err
}

// start lets the service take events until ctx ends. Each of its parts then tells
// how it ended; if one ends by itself, stop ends the others.
func (s *service) start(ctx context.Context, stop func(), sub message.Subscriber) (ended chan error, err error) {
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		return nil, err
	}
	for _, queue := range queues {
		resequencer, err := ordering.New(ordering.Config{
			Route: queue, First: 1, Store: s.lanes, SingleInstance: true,
			Identify: ordering.By{
				Key:      []ordering.Field{ordering.Header("payment")},
				Revision: ordering.Header("revision"),
			}.Identify,
		})
		if err != nil {
			return nil, err
		}
		router.AddConsumerHandler(queue, queue, sub, s.handler(queue)).AddMiddleware(
			resequencer.Middleware,
			policies.Retry{Tried: ordering.Attempts}.Middleware,
		)
		s.routes = append(s.routes, resequencer)
	}
	ended = make(chan error, 1+len(s.routes))
	for _, resequencer := range s.routes {
		go func() { ended <- resequencer.Run(ctx); stop() }()
	}
	go func() { ended <- router.Run(ctx); stop() }()
	<-router.Running()
	return ended, nil
}

// handler adds what a queue says to the record of the payment. It may be called
// with an event that was handled before, after a crash, and only then.
func (s *service) handler(queue string) message.NoPublishHandlerFunc {
	return func(m *message.Message) error {
		var f facts
		if err := json.Unmarshal(m.Payload, &f); err != nil {
			return policies.As(policies.Permanent, fmt.Errorf("read an event: %w", err))
		}
		r, err := s.db.add(m.Context(), m.Metadata["payment"], f)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "    %s  %-8s %s\n", r.id, queue, r)
		if r.id == s.kill && r.decision != "" {
			return kill()
		}
		return nil
	}
}

// kill ends this process as kill -9 does.
func kill() error {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	if err := self.Kill(); err != nil {
		return err
	}
	select {} // nothing more happens
}

// produce sends the first event of each payment, then the second ones, then the
// third ones; all of them twice.
func produce(pub message.Publisher) error {
	amount, other, risk := 120, 100, "low"
	for turn := range 3 {
		for i := range len(orders) + 1 {
			queue := orders[i%len(orders)][turn]
			f := map[string]facts{"payment": {Paid: &amount}, "invoice": {Invoiced: &amount}, "fraud": {Risk: &risk}}[queue]
			if i == len(orders) && queue == "invoice" {
				f.Invoiced = &other
			}
			if err := send(pub, queue, fmt.Sprintf("P-%d", i+1), f); err != nil {
				return err
			}
		}
	}
	return nil
}

// send publishes an event and a copy of it.
func send(pub message.Publisher, queue, payment string, f facts) error {
	body, err := json.Marshal(f)
	if err != nil {
		return err
	}
	for range 2 {
		m := message.NewMessage(watermill.NewUUID(), body)
		m.Metadata = message.Metadata{"payment": payment, "revision": "1"} // the first one of its queue
		if err := pub.Publish(queue, m); err != nil {
			return fmt.Errorf("send to %s: %w", queue, err)
		}
	}
	return nil
}

// count tells what came to this process, and what of it was dropped.
func (s *service) count(ctx context.Context) error {
	var taken, dropped int64
	for _, resequencer := range s.routes {
		stats, err := resequencer.Stats(ctx)
		if err != nil {
			return err
		}
		taken += stats.Taken
		dropped += stats.Ledger.Duplicates - stats.Base.Duplicates
	}
	_, err := fmt.Fprintf(s.out, "    %d events came, %d were dropped as copies\n", taken, dropped)
	return err
}
