// Command summary tells a partner of orders. The events inside are many and of
// several types; the partner gets a summary event for few of them, enriched with
// the customer, whom he cannot look up. Under the events' own revisions the
// summaries would have holes, so they are stamped anew: those of an order are
// numbered 1, 2, 3, …
//
//	go run ./examples/summary
//
// Config.Takes keeps internal events out: they settle, and use no number up.
// Config.Stamp numbers the others, and ordering.Stamp tells a handler the number. It
// is durable with the checkpoint. Look at the kill: the process dies by SIGKILL when
// summary 2 of O-1 is published and not checkpointed. The second process, which is
// sent everything anew, publishes it once more, under the same number. So the
// partner, whose own Resequencer reads that number, drops the copy and finds no gap.
//
// All of it needs no broker and shows nothing of one: Watermill's gochannel hands
// the events out, and the partner runs in the same process. The lanes of both are
// in Pebble.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/brokerbridge/bridge/examples/internal/twice"
)

func main() { twice.Program{Name: "summary", Run: run, Serve: serve}.Main() }

// run lets two processes of the service run, one after the other, on one store.
func run(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "summary")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()

	fmt.Fprintln(out, "The first process")
	if err := twice.Process(ctx, out, dir, "O-1/2"); err == nil {
		return errors.New("the first process was not killed")
	}
	fmt.Fprintln(out, "  KILLED: summary 2 of O-1 is published, the checkpoint is not there")
	fmt.Fprintln(out, "The second process, which is sent everything anew")
	return twice.Process(ctx, out, dir, "")
}
