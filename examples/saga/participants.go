package main

import (
	"fmt"
	"time"

	"github.com/brokerbridge/bridge/examples/internal/service"
	"github.com/brokerbridge/bridge/policies"
)

// Order is what a customer wants.
type Order struct {
	ID, Item string
	Amount   int                      // EUR
	Within   map[string]time.Duration // how long a participant may take, where it is not as usual
}

// answer is what a participant says to a command.
type answer struct {
	To      string // the id of the command
	Refused string // why; empty: done
}

// participant does what it is told, each command once, and answers each. A command
// that is refused is answered; an error is what nobody planned: it is tried again,
// and is then a dead letter.
//
// Commands for one order come in the order in which they were given, so a refund
// cannot overtake its charge, however late that is.
type participant struct {
	commands map[string]command
	faults   *faults
}

type command func(tx *service.Tx, o Order, id string) (refused string, err error)

func (p participant) handle(tx *service.Tx, m service.Message) error {
	var o Order
	if err := m.Read(&o); err != nil {
		return policies.As(policies.Permanent, err)
	}
	do := p.commands[m.Kind]
	if do == nil {
		return policies.As(policies.Permanent, fmt.Errorf("what is %q?", m.Kind))
	}
	if err := p.faults.at(m.Kind, o.ID); err != nil {
		return err
	}
	refused, err := do(tx, o, m.ID)
	if err != nil {
		return err
	}
	_, err = tx.Send("saga", o.ID, "answer", answer{To: m.ID, Refused: refused})
	return err
}

// payment moves money at a bank, which is outside: the id of the command goes
// along, so that the bank knows what it has done already.
func payment(b *bank) map[string]command {
	return map[string]command{
		"charge": func(tx *service.Tx, o Order, id string) (string, error) {
			tx.Put("charged/"+o.ID, o.Amount)
			tx.Say(o.ID, "charged %d EUR", o.Amount)
			return "", b.move(id, o.ID, "charged")
		},
		"refund": func(tx *service.Tx, o Order, id string) (string, error) {
			var amount int
			if !tx.Get("charged/"+o.ID, &amount) {
				return "", nil
			}
			tx.Delete("charged/" + o.ID)
			tx.Say(o.ID, "refunded %d EUR", amount)
			return "", b.move(id, o.ID, "refunded")
		},
		"send receipt": func(tx *service.Tx, o Order, _ string) (string, error) {
			did(tx, o.ID, "receipts")
			tx.Say(o.ID, "sent the receipt")
			return "", nil
		},
	}
}

// stock keeps its shelves in its own table: nothing is outside.
func stock(shelf map[string]int) map[string]command {
	return map[string]command{
		"reserve": func(tx *service.Tx, o Order, _ string) (string, error) {
			var taken int
			if tx.Get("taken/"+o.Item, &taken); taken >= shelf[o.Item] {
				tx.Say(o.ID, "has no %s", o.Item)
				return "there is no " + o.Item, nil
			}
			tx.Put("taken/"+o.Item, taken+1)
			tx.Put("reserved/"+o.ID, o.Item)
			did(tx, o.ID, "reserved")
			tx.Say(o.ID, "reserved a %s", o.Item)
			return "", nil
		},
		"release": func(tx *service.Tx, o Order, _ string) (string, error) {
			var item string
			if !tx.Get("reserved/"+o.ID, &item) {
				return "", nil
			}
			tx.Count("taken/"+item, -1)
			tx.Delete("reserved/" + o.ID)
			did(tx, o.ID, "released")
			tx.Say(o.ID, "released the %s", item)
			return "", nil
		},
	}
}

func shipping() map[string]command {
	return map[string]command{
		"hand over": func(tx *service.Tx, o Order, _ string) (string, error) {
			did(tx, o.ID, "handed over")
			tx.Say(o.ID, "handed the %s to the carrier: there is no way back", o.Item)
			return "", nil
		},
	}
}

// did counts an effect, in the update that has it. What is done twice shows.
func did(tx *service.Tx, order, what string) { tx.Count("did/"+order+"/"+what, 1) }
