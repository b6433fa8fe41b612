package e2e_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// What can run side by side waits more than it works.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	os.Exit(e2e.Main(m))
}

// settleTimeout is how long a backlog may take to settle on a busy machine.
var settleTimeout = time.Duration(size(60, 300)) * time.Second

// maxAhead is the bridge's default.
const maxAhead = 64

// size is one number for `make test` and another for BRIDGE_TEST_FULL.
func size(small, full int) int {
	if rig.Full() {
		return full
	}
	return small
}

// stopped ends a bridge as a service manager does and checks that it ends well.
func stopped(t *testing.T, b *e2e.Bridge) {
	t.Helper()
	if code, took := b.Stop(); code != 0 || took > 20*time.Second {
		t.Errorf("exit code %d after %v, want 0 within 20s", code, took)
	}
}

// judge compares what was sent with what came.
func judge(t *testing.T, o journal.Outcome) {
	t.Helper()
	if o.First == 0 {
		o.First = 1
	}
	if o.MaxAhead == 0 {
		o.MaxAhead = maxAhead
	}
	for _, v := range o.Check() {
		t.Error(v)
	}
}

// distinct is how many messages a journal has, copies not counted.
func distinct(sent []journal.Entry) int {
	type id struct {
		key string
		rev int64
	}
	seen := map[id]bool{}
	for _, e := range sent {
		seen[id{e.Key, e.Rev}] = true
	}
	return len(seen)
}

// emptied checks that a place was acknowledged to the last message, once the
// bridge has let go of it.
func emptied(t *testing.T, places ...e2e.Place) {
	t.Helper()
	for _, p := range places {
		e2e.Await(t, p.String()+" to be empty", 10*time.Second, func() (string, bool) {
			n := e2e.Left(t, p)
			return fmt.Sprint(n, " messages"), n == 0
		})
	}
}

// accounted checks I10 of a bridge that moves nothing now.
func accounted(t *testing.T, b *e2e.Bridge) {
	t.Helper()
	b.Await("I10", 10*time.Second, func() (string, bool) {
		m, ok := b.Metrics()
		return e2e.Describe(m), ok && m.Has("bridge_unaccounted_messages") && m.Sum("bridge_unaccounted_messages") == 0
	})
}
