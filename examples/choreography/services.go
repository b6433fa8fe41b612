package main

import (
	"slices"

	"github.com/brokerbridge/bridge/examples/internal/service"
	"github.com/brokerbridge/bridge/examples/internal/table"
	"github.com/brokerbridge/bridge/policies"
)

// events is the one topic: everybody hears everything.
const events = "events"

// Order is what a customer wants, or a part of it. From payment on each event
// carries all of it, so that nobody has to ask, or to listen to customers.
type Order struct {
	ID, To string
	Items  []string
	EUR    int
}

// reactions are what a service does about events. What is not in there does not
// concern it.
//
// A service hears each sender's events about an order in their order, each once.
// Between senders there is no order, but causes: stock hears that shipping refuses
// only after it has reserved, because shipping would not have been asked otherwise.
type reactions map[string]func(*service.Tx, Order) error

func (r reactions) handle(tx *service.Tx, m service.Message) error {
	react := r[m.Kind]
	if react == nil {
		return nil
	}
	var o Order
	if err := m.Read(&o); err != nil {
		return policies.As(policies.Permanent, err)
	}
	return react(tx, o)
}

// services are all there are, and who reacts to what. A failure is an event like
// others, and each service before it takes back what it did.
var services = []struct {
	name      string
	reactions reactions
}{
	{"payment", reactions{
		"item added": add, "order placed": charge,
		"stock missing": refund, "shipping refused": refund,
	}},
	{"stock", reactions{"payment taken": reserve, "shipping refused": release}},
	{"shipping", reactions{"stock reserved": ship}},
	{"tracking", reactions{
		"payment refunded": note("payment refunded"), "stock missing": note("stock missing"),
		"stock released": note("stock released"), "shipped": note("shipped"),
	}},
}

// add fills the basket. If the order were placed before the last item is added, the
// sum would be wrong: that is what the order of a customer's events is for.
func add(tx *service.Tx, item Order) error {
	basket := Order{ID: item.ID}
	tx.Get("basket/"+item.ID, &basket)
	basket.Items = append(basket.Items, item.Items...)
	basket.EUR += item.EUR
	tx.Put("basket/"+item.ID, basket)
	return nil
}

func charge(tx *service.Tx, placed Order) error {
	var o Order
	tx.Get("basket/"+placed.ID, &o)
	o.To = placed.To
	tx.Count("did/"+o.ID+"/EUR taken", o.EUR)
	return tell(tx, o, "payment taken", "charges %d EUR for %v", o.EUR, o.Items)
}

func refund(tx *service.Tx, o Order) error {
	tx.Count("did/"+o.ID+"/EUR returned", o.EUR)
	return tell(tx, o, "payment refunded", "refunds %d EUR", o.EUR)
}

func reserve(tx *service.Tx, o Order) error {
	if slices.Contains(o.Items, "unicorn") {
		return tell(tx, o, "stock missing", "has no unicorn")
	}
	return tell(tx, o, "stock reserved", "reserves %v", o.Items)
}

func release(tx *service.Tx, o Order) error {
	return tell(tx, o, "stock released", "releases %v", o.Items)
}

func ship(tx *service.Tx, o Order) error {
	if o.To == "island" {
		return tell(tx, o, "shipping refused", "has no carrier to the %s", o.To)
	}
	return tell(tx, o, "shipped", "ships %v", o.Items)
}

// tell sends an event: what happened, and that it is told, are one update. It counts
// the event too, so that what happens twice shows.
func tell(tx *service.Tx, o Order, event, say string, args ...any) error {
	tx.Count("did/"+o.ID+"/"+event, 1)
	tx.Say(o.ID, say, args...)
	_, err := tx.Send(events, o.ID, event, o)
	return err
}

// note is how tracking knows what has happened to an order. It listens to all
// services, and so must not care whose events come first.
func note(event string) func(*service.Tx, Order) error {
	return func(tx *service.Tx, o Order) error {
		tx.Put("saw/"+o.ID+"/"+event, true)
		if how := end(tx.Tx, o.ID); how != "" {
			tx.Say(o.ID, "sees that it is %s", how)
		}
		return nil
	}
}

// end is how an order has ended, as far as tracking knows.
func end(tx *table.Tx, order string) string {
	saw := func(event string) (seen bool) { return tx.Get("saw/"+order+"/"+event, &seen) }
	switch {
	case saw("shipped"):
		return "done"
	case saw("payment refunded") && (saw("stock missing") || saw("stock released")):
		return "cancelled"
	}
	return ""
}
