// Command kitchen makes one kitchen order of the events of a shopping cart,
// which come in any order. The cook must get neither half a cart nor a dish that
// was taken out again, so the handler has to see the events as they happened.
//
//	go run ./examples/kitchen
//
// Look at event 6, the checkout: it comes fourth, while 3 and 4 are missing. It is
// parked, and the order leaves for the kitchen when its turn has come: once. Under
// each arrival stands what the handler sees because of it, then the lane: which
// revision is next, and what is parked until then.
//
// All of it is in this process and needs no broker, so it shows nothing of one:
// Watermill's gochannel hands the events out, and the store is in memory.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// cart is the key of all events here.
const cart = "C-1"

// event is a change of a cart.
type event struct {
	Do   string `json:"do"`
	Dish string `json:"dish,omitempty"`
}

// happened is what happened to the cart, from revision 1.
var happened = []event{
	{Do: "open"},
	{Do: "add", Dish: "soup"},
	{Do: "add", Dish: "pizza"},
	{Do: "remove", Dish: "soup"},
	{Do: "add", Dish: "salad"},
	{Do: "checkout"},
}

// arrives is the order in which the events come. 2 and 5 come twice: 2 when it
// has been handled, 5 when it is parked.
var arrives = []int{2, 1, 5, 6, 2, 5, 4, 3}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "kitchen:", err)
		os.Exit(1)
	}
}

// run starts the service and hands it the events, one by one.
func run(ctx context.Context, out io.Writer) error {
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	// Publish returns when the event is acknowledged: it was handled, parked or
	// dropped.
	pubsub := gochannel.NewGoChannel(gochannel.Config{BlockPublishUntilSubscriberAck: true}, nil)
	s := service{store: memory.New(), pubsub: pubsub, out: out}
	ended, err := s.start(ctx, stop)
	if err != nil {
		return err
	}
	for _, revision := range arrives {
		if err = s.arrive(ctx, revision); err != nil {
			break
		}
	}
	stop()
	return errors.Join(err, <-ended, <-ended, pubsub.Close())
}

// service makes kitchen orders of carts.
type service struct {
	*ordering.Resequencer
	store  store.Store
	pubsub *gochannel.GoChannel
	dishes []string // in the cart; a shop keeps them in its database, per cart
	out    io.Writer
}

// start lets the service take events until ctx ends. Both of its parts then tell
// how they ended; if one ends by itself, stop ends the other.
func (s *service) start(ctx context.Context, stop func()) (ended chan error, err error) {
	s.Resequencer, err = ordering.New(ordering.Config{
		Route: "carts", First: 1, Store: s.store, SingleInstance: true,
		Identify: ordering.By{
			Key:      []ordering.Field{ordering.Header("cart")},
			Revision: ordering.Header("revision"),
		}.Identify,
	})
	if err != nil {
		return nil, err
	}
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		return nil, err
	}
	router.AddConsumerHandler("carts", "carts", s.pubsub, s.handle).AddMiddleware(s.Middleware)
	router.AddConsumerHandler("kitchen", "kitchen", s.pubsub, s.cook)

	ended = make(chan error, 2)
	go func() { ended <- s.Run(ctx); stop() }()
	go func() { ended <- router.Run(ctx); stop() }()
	<-router.Running()
	return ended, nil
}

// handle sees the events of a cart in the order of their revisions, each of them
// once. That is why it can be as simple as this.
func (s *service) handle(m *message.Message) error {
	var e event
	if err := json.Unmarshal(m.Payload, &e); err != nil {
		return fmt.Errorf("read an event: %w", err)
	}
	fmt.Fprintln(s.out, "    handler sees", m.Metadata["revision"], e)
	switch e.Do {
	case "add":
		s.dishes = append(s.dishes, e.Dish)
	case "remove":
		if i := slices.Index(s.dishes, e.Dish); i >= 0 {
			s.dishes = slices.Delete(s.dishes, i, i+1)
		}
	case "checkout":
		// The id is the same each time, so that the kitchen knows a copy. It is published
		// in here, before the checkpoint: a crash repeats it and does not lose it.
		order := message.NewMessage("kitchen-order/"+cart, []byte(strings.Join(s.dishes, ", ")))
		return s.pubsub.Publish("kitchen", order)
	}
	return nil
}

// cook is the kitchen.
func (s *service) cook(m *message.Message) error {
	fmt.Fprintf(s.out, "    KITCHEN ORDER: %s\n", m.Payload)
	return nil
}

// arrive publishes an event and shows the lane once it rests.
func (s *service) arrive(ctx context.Context, revision int) error {
	e := happened[revision-1]
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	m := message.NewMessage(watermill.NewUUID(), body)
	m.Metadata = message.Metadata{"cart": cart, "revision": strconv.Itoa(revision)}
	fmt.Fprintln(s.out, "event", revision, "arrives:", e)
	if err := s.pubsub.Publish("carts", m); err != nil {
		return err
	}
	return s.show(ctx)
}

// show prints the lane of the cart.
func (s *service) show(ctx context.Context) error {
	state, err := s.rested(ctx)
	if err != nil {
		return err
	}
	rows, err := s.store.Parked(ctx, store.Key{Route: "carts", Name: cart}, state.Next, 0)
	if err != nil {
		return err
	}
	var parked []lane.Revision
	for _, row := range rows {
		parked = append(parked, row.Rev)
	}
	stats, err := s.Stats(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "    lane: %v, next is %d, parked %v, copies dropped: %d\n",
		state.Mode, state.Next, parked, stats.Ledger.Duplicates)
	return nil
}

// rested waits until the lane has done what it can: what is left is parked behind
// a gap.
func (s *service) rested(ctx context.Context) (lane.State, error) {
	for {
		state, held, _, err := s.Lane(ctx, cart, 0)
		if err != nil || held == 0 && (state.Parked == 0 || state.Mode == lane.Gap) {
			return state, err
		}
		time.Sleep(time.Millisecond)
	}
}

// String is the event in words.
func (e event) String() string { return strings.TrimSpace(e.Do + " " + e.Dish) }
