package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
	"github.com/brokerbridge/bridge/policies"
)

// happened is what happened to the orders, from revision 1.
var happened = map[string][]string{
	"O-1": {"opened", "line added", "placed", "picked", "label printed", "shipped", "delivered"},
	"O-2": {"opened", "placed", "stock reserved", "cancelled"},
}

// arrives is the order in which the events come.
var arrives = []ordering.ID{
	{Key: "O-1", Revision: 3},
	{Key: "O-1", Revision: 1},
	{Key: "O-2", Revision: 2},
	{Key: "O-1", Revision: 2},
	{Key: "O-2", Revision: 1},
	{Key: "O-1", Revision: 3}, // a copy
	{Key: "O-1", Revision: 5},
	{Key: "O-1", Revision: 4},
	{Key: "O-1", Revision: 6},
	{Key: "O-2", Revision: 4},
	{Key: "O-2", Revision: 3},
	{Key: "O-1", Revision: 7},
}

// summarized are the types of events that a partner is told of, and how they are
// called outside.
var summarized = map[string]string{
	"placed": "OrderPlaced", "shipped": "OrderShipped", "delivered": "OrderDelivered", "cancelled": "OrderCancelled",
}

// customers are who ordered; a shop has a table of them.
var customers = map[string]string{"O-1": "Ada, Uppsala", "O-2": "Max, Graz"}

// summary is an event as partners get it.
type summary struct {
	Event    string `json:"event"`
	Customer string `json:"customer"`
}

// service makes summaries of events. The partner is beside it.
type service struct {
	lanes   *pebble.Store
	pubsub  *gochannel.GoChannel
	inside  *ordering.Resequencer // of events
	partner *ordering.Resequencer // of summaries
	kill    string                // the summary after which this process ends
	out     io.Writer
}

// serve runs the service and the partner, and sends all events.
func serve(ctx context.Context, dir, kill string, out io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	lanes, err := pebble.Open(dir, pebble.Options{})
	if err != nil {
		return err
	}
	// Publish returns when the message is acknowledged: handled, parked or dropped.
	pubsub := gochannel.NewGoChannel(gochannel.Config{BlockPublishUntilSubscriberAck: true}, nil)
	s := &service{lanes: lanes, pubsub: pubsub, kill: kill, out: out}
	ended, err := s.start(ctx, stop)
	if err != nil {
		return errors.Join(err, lanes.Close())
	}
	err = errors.Join(s.produce(ctx), s.show(ctx))
	stop()
	for range cap(ended) {
		err = errors.Join(err, <-ended)
	}
	return errors.Join(err, pubsub.Close(), lanes.Close())
}

// configure makes both Resequencers.
func (s *service) configure() (err error) {
	identify := ordering.By{
		Key:      []ordering.Field{ordering.Header("order")},
		Revision: ordering.Header("revision"),
	}.Identify
	s.inside, err = ordering.New(ordering.Config{
		Route: "events", First: 1, Store: s.lanes, SingleInstance: true, Identify: identify,
		Takes: func(m *message.Message) bool { return summarized[m.Metadata["type"]] != "" },
		Stamp: true,
	})
	if err != nil {
		return err
	}
	s.partner, err = ordering.New(ordering.Config{
		Route: "summaries", First: 1, Store: s.lanes, SingleInstance: true, Identify: identify,
	})
	return err
}

// start lets service and partner work until ctx ends. Each part then tells how it
// ended; if one ends by itself, stop ends the others.
func (s *service) start(ctx context.Context, stop func()) (ended chan error, err error) {
	if err := s.configure(); err != nil {
		return nil, err
	}
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		return nil, err
	}
	retry := policies.Retry{Tried: ordering.Attempts}
	router.AddConsumerHandler("service", "events", s.pubsub, s.summarize).AddMiddleware(s.inside.Middleware, retry.Middleware)
	router.AddConsumerHandler("partner", "summaries", s.pubsub, s.receive).AddMiddleware(s.partner.Middleware, retry.Middleware)
	ended = make(chan error, 3)
	for _, run := range []func(context.Context) error{s.inside.Run, s.partner.Run, router.Run} {
		go func() { ended <- run(ctx); stop() }()
	}
	<-router.Running()
	return ended, nil
}

// summarize publishes a summary, numbered anew. What it publishes depends on the
// event alone, so that a copy of it is the same, byte for byte.
func (s *service) summarize(m *message.Message) error {
	n, ok := ordering.Stamp(m)
	if !ok {
		return policies.As(policies.Permanent, errors.New("Config.Stamp is not set"))
	}
	order := m.Metadata["order"]
	body, err := json.Marshal(summary{Event: summarized[m.Metadata["type"]], Customer: customers[order]})
	if err != nil {
		return err
	}
	id := fmt.Sprintf("%s/%d", order, n)
	fmt.Fprintf(s.out, "      service: revision %s becomes summary %d of %s\n", m.Metadata["revision"], n, order)
	out := message.NewMessage(id, body)
	out.Metadata = message.Metadata{"order": order, "revision": number(n)}
	if err := s.pubsub.Publish("summaries", out); err != nil {
		return err
	}
	if id == s.kill {
		return kill()
	}
	return nil
}

// number is a revision as a header has it.
func number(n lane.Revision) string { return strconv.FormatInt(int64(n), 10) }

// receive is the partner's handler.
func (s *service) receive(m *message.Message) error {
	fmt.Fprintf(s.out, "      partner: summary %s of %s is %s\n", m.Metadata["revision"], m.Metadata["order"], m.Payload)
	return nil
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

// produce sends the events, one by one.
func (s *service) produce(ctx context.Context) error {
	for _, e := range arrives {
		kind := happened[e.Key][e.Revision-1]
		m := message.NewMessage(watermill.NewUUID(), nil)
		m.Metadata = message.Metadata{"order": e.Key, "revision": number(e.Revision), "type": kind}
		fmt.Fprintf(s.out, "  %s revision %d (%s) arrives\n", e.Key, e.Revision, kind)
		if err := s.pubsub.Publish("events", m); err != nil {
			return err
		}
		if _, err := rested(ctx, s.inside, e.Key); err != nil {
			return err
		}
	}
	return nil
}

// rested waits until a lane has done what it can: what is left is parked behind a
// gap.
func rested(ctx context.Context, r *ordering.Resequencer, order string) (lane.State, error) {
	for {
		state, held, _, err := r.Lane(ctx, order, 0)
		if err != nil || held == 0 && (state.Parked == 0 || state.Mode == lane.Gap) {
			return state, err
		}
		time.Sleep(time.Millisecond)
	}
}

// show prints where the orders are, inside and at the partner.
func (s *service) show(ctx context.Context) error {
	for _, order := range []string{"O-1", "O-2"} {
		inside, err := rested(ctx, s.inside, order)
		if err != nil {
			return err
		}
		partner, err := rested(ctx, s.partner, order)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "  %s: the service is at revision %d; the partner at summary %d, %v, skipped: %d\n",
			order, inside.Next-1, partner.Next-1, partner.Mode, partner.Skips)
	}
	events, err := s.inside.Stats(ctx)
	if err != nil {
		return err
	}
	summaries, err := s.partner.Stats(ctx)
	if err != nil {
		return err
	}
	return s.books(events.Ledger, summaries.Ledger)
}

// books prints what became of all messages, in both processes.
func (s *service) books(events, summaries store.Ledger) error {
	_, err := fmt.Fprintf(s.out, "  events: summarized %d, internal %d, copies dropped %d; summaries: received %d, copies dropped %d\n",
		events.Delivered, events.Filtered, events.Duplicates, summaries.Delivered, summaries.Duplicates)
	return err
}
