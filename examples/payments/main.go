// Command payments verifies payments by what three queues say: the payment was
// received, its invoice, its fraud check. Each queue has its own producer and its
// own revisions, so nothing says which of the three comes first, and there may be
// no record yet of a payment whose invoice has come.
//
//	go run ./examples/payments
//
// The first event makes a record all the same, a phantom record, with what is
// known. The others complete it, whichever comes last decides, and the decision
// is made once. The six payments P-1 to P-6 have the same facts in each of the six
// orders; P-7 has an invoice of another amount. Each event is sent twice.
//
// Look at the kill: the process dies by SIGKILL between the commit of the decision
// on P-3 and the checkpoint. A second one goes on in the same directory and is sent
// everything anew. What was checkpointed is dropped, what was under way is handled
// again and changes nothing, the phantoms are completed. What such a service
// publishes of a decision, it publishes in the handler under an id made of the
// payment's: P-3 shows that it may be published twice.
//
// All of it needs no broker and shows nothing of one: Watermill's gochannel hands
// the events out. The lanes are in Pebble, the records in SQLite.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/brokerbridge/bridge/examples/internal/twice"
)

func main() { twice.Program{Name: "payments", Run: run, Serve: serve}.Main() }

// run lets two processes of the service run, one after the other, on the same
// files, and shows what the second one leaves.
func run(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "payments")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()

	fmt.Fprintln(out, "The first process")
	if err := twice.Process(ctx, out, dir, "P-3"); err == nil {
		return errors.New("the first process was not killed")
	}
	fmt.Fprintln(out, "    KILLED: the decision on P-3 is committed, the checkpoint is not")
	fmt.Fprintln(out, "The second process, which is sent everything anew")
	if err := twice.Process(ctx, out, dir, ""); err != nil {
		return fmt.Errorf("the second process: %w", err)
	}
	fmt.Fprintln(out, "The records")
	db, err := openRecords(ctx, filepath.Join(dir, "records.db"))
	if err != nil {
		return err
	}
	return errors.Join(db.show(ctx, out), db.Close())
}
