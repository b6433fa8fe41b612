package bridgetest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/bridgetest"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/policies"
)

// Messages come shuffled, doubled, and one of them late; the handler behind the
// Resequencer gets them in order. serve is the router of README.md.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	db := memory.New()
	source := bridgetest.NewSource(bridgetest.Options{
		Messages: bridgetest.Stream(2, 5), // or your own
		Shuffle:  4, Duplicates: 0.5,
		Drop: bridgetest.At("key-1", 3), // until source.SendDropped()
	})
	target := bridgetest.NewTarget(source, bridgetest.Rules{Store: db, Route: "orders"}) // of the Resequencer
	service := serve(source, db, target.Handler(nil))                                    // or target.Handler(yours)
	defer service.stop()

	must(target.Await(ctx)) // all is delivered, or parked behind the gap
	fmt.Println("without revision 3 key-1 has", target.Revisions("key-1"))
	source.SendDropped()
	must(target.Await(ctx))
	fmt.Println("with it", target.Revisions("key-1"))
	fmt.Println("key-2 has", target.Revisions("key-2"))
	fmt.Println("faults:", target.Verify(ctx)) // in a test: target.Check(t)
	// Output:
	// without revision 3 key-1 has [1 2]
	// with it [1 2 3 4 5]
	// key-2 has [1 2 3 4 5]
	// faults: <nil>
}

// A message that is poison becomes a dead letter. Its successors are parked, and
// follow it once it is redriven.
func Example_poison() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	source := bridgetest.NewSource(bridgetest.Options{
		Messages: bridgetest.Stream(1, 4), Shuffle: 2,
		Poison: bridgetest.At("key-1", 2),
	})
	db := memory.New()
	target := bridgetest.NewTarget(source, bridgetest.Rules{Store: db, Route: "orders"})
	service := serve(source, db, target.Handler(func(m *message.Message) error {
		if bridgetest.Poisoned(m) && !ordering.Redriven(m) {
			return policies.As(policies.Permanent, errors.New("no such customer"))
		}
		return nil
	}))
	defer service.stop()

	must(target.Await(ctx))
	fmt.Println("delivered", target.Revisions("key-1"))
	for d, err := range db.DeadLetters(ctx, store.Query{Route: "orders"}) {
		must(err)
		fmt.Printf("dead: revision %d, %s\n", d.Rev, d.Error)
		out, err := service.Redrive(ctx, d.ID, ordering.Operation{By: "test", Reason: "the customer was added"})
		must(err)
		fmt.Println(out.Says)
	}
	must(target.Await(ctx))
	fmt.Println("delivered", target.Revisions("key-1"))
	fmt.Println("faults:", target.Verify(ctx))
	// Output:
	// delivered [1]
	// dead: revision 2, no such customer
	// redrives revision 2 of key "key-1"; 2 messages parked behind it follow in order
	// delivered [1 2 3 4]
	// faults: <nil>
}
