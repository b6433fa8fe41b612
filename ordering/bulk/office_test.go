package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/bulk"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	route = "r"
	why   = "the target was repaired"
)

// office is a route with its target and its store, and somebody who has
// operations run.
type office struct {
	*bulk.Runner
	t     *testing.T
	store store.Store
	cfg   ordering.Config

	mu     sync.Mutex
	refuse func(key string, rev int) error // what the target says; nil: it takes all
	got    []string                        // "key/revision", as the target has them
	pause  time.Duration                   // of a call
	flying map[string]int                  // by key
	most   int                             // of one key at once
	seq    *ordering.Resequencer
	take   func(context.Context, ordering.Deliveries) error
	token  uint64
	close  func()
	leave  func()
}

// givenUp is a failure for good.
type givenUp string

func (e givenUp) Error() string      { return string(e) }
func (givenUp) Class() string        { return "permanent" }
func (givenUp) Attempts() int        { return 1 }
func (givenUp) Pause() time.Duration { return 0 }
func (givenUp) GivenUp() bool        { return true }
func (givenUp) Reason() string       { return "permanent" }

// away is a target that does not answer.
type away struct{ givenUp }

func (away) Class() string        { return "unavailable" }
func (away) GivenUp() bool        { return false }
func (away) Pause() time.Duration { return 10 * time.Millisecond }

func broken(string, int) error { return givenUp("the schema is unknown") }

func newOffice(t *testing.T, change func(*ordering.Config)) *office {
	t.Helper()
	o := &office{t: t, store: memory.New(), flying: map[string]int{}}
	o.cfg = ordering.Config{
		Route: route, SingleInstance: true, First: 1, OnFailure: lane.Quarantine, Target: "kafka topic t",
		Identify: ordering.By{Key: []ordering.Field{ordering.Header("key")}, Revision: ordering.Header("revision")}.Identify,
		Logger:   slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&o.cfg)
	}
	o.open()
	o.staff()
	t.Cleanup(func() {
		o.leave()
		o.close()
	})
	return o
}

// open starts the route and its operations.
func (o *office) open() {
	o.t.Helper()
	o.cfg.Store = o.store
	seq, err := ordering.New(o.cfg)
	if err != nil {
		o.t.Fatal(err)
	}
	take, err := seq.Batch(o.publish)
	if err != nil {
		o.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := seq.Run(ctx); err != nil {
			o.t.Error(err)
		}
	})
	seq.SourceUp()
	o.await("the route is open", func() bool {
		_, err := o.store.Ledger(context.Background(), route)
		return err == nil
	})
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seq, o.take = seq, take
	o.close = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
}

// staff has operations run.
func (o *office) staff() {
	run := bulk.New(bulk.Config{Route: route, Store: o.store, Resequencer: o.resequencer, Logger: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := run.Run(ctx); err != nil {
			o.t.Error(err)
		}
	}()
	o.Runner = run
	o.leave = func() {
		cancel()
		<-ended
	}
}

// move closes all and opens it with another store.
func (o *office) move(s store.Store) {
	o.t.Helper()
	o.leave()
	o.close()
	o.store = s
	o.open()
	o.staff()
}

// restart closes all and opens it again.
func (o *office) restart() {
	o.t.Helper()
	o.move(o.store)
}

// reopen starts the route again, and not its operations.
func (o *office) reopen() {
	o.t.Helper()
	o.close()
	o.open()
}

func (o *office) resequencer() *ordering.Resequencer {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seq
}

// target says from now on what it thinks of a message.
func (o *office) target(refuse func(key string, rev int) error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refuse = refuse
}

func (o *office) publish(msgs []*message.Message) []error {
	o.mu.Lock()
	for _, m := range msgs {
		k := m.Metadata["key"]
		o.flying[k]++
		o.most = max(o.most, o.flying[k])
	}
	pause := o.pause
	o.mu.Unlock()
	time.Sleep(pause)
	o.mu.Lock()
	defer o.mu.Unlock()
	errs := make([]error, len(msgs))
	for i, m := range msgs {
		k := m.Metadata["key"]
		o.flying[k]--
		rev, _ := strconv.Atoi(m.Metadata["revision"])
		if o.refuse != nil {
			if errs[i] = o.refuse(k, rev); errs[i] != nil {
				continue
			}
		}
		o.got = append(o.got, fmt.Sprintf("%s/%d", k, rev))
	}
	return errs
}

type ignored struct{}

func (ignored) Ack([]uint64) {}

// send delivers a message of the source.
func (o *office) send(key string, rev int) {
	o.t.Helper()
	m := message.NewMessage(fmt.Sprintf("%s-%d", key, rev), []byte("body"))
	m.Metadata["key"], m.Metadata["revision"] = key, strconv.Itoa(rev)
	o.token++
	if err := o.take(o.t.Context(), ordering.Deliveries{
		Messages: []*message.Message{m}, Tokens: []uint64{o.token}, Acker: ignored{},
	}); err != nil {
		o.t.Fatal(err)
	}
}

// dead makes so many dead letters, of so many keys.
func (o *office) dead(n, keys int) {
	o.t.Helper()
	before := o.ledger().Dead
	o.target(broken)
	for i := range n {
		o.send(fmt.Sprintf("k%d", i%keys), i/keys+1)
	}
	o.await("all dead", func() bool { return o.ledger().Dead == before+int64(n) })
	time.Sleep(2 * time.Millisecond) // what begins now begins behind them
}

func (o *office) ledger() store.Ledger {
	o.t.Helper()
	l, err := o.store.Ledger(context.Background(), route)
	if err != nil {
		o.t.Fatal(err)
	}
	return l
}

func (o *office) await(what string, cond func() bool) {
	o.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			o.t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// begin starts a redrive of all, unless q says otherwise.
func (o *office) begin(q bulk.Request) store.Operation {
	o.t.Helper()
	if q.Action == "" {
		q.Action = ordering.ActRedrive
	}
	q.By, q.Reason = "ann", why
	op, err := o.Start(o.t.Context(), q)
	for range 1000 {
		if !errors.Is(err, bulk.ErrClosed) {
			break
		}
		time.Sleep(time.Millisecond) // whoever was staffed has not begun
		op, err = o.Start(o.t.Context(), q)
	}
	if err != nil {
		o.t.Fatal(err)
	}
	return op
}

// until waits for a state of an operation and returns it.
func (o *office) until(id string, s store.OperationState) (p bulk.Progress) {
	o.t.Helper()
	o.await(fmt.Sprintf("operation %s", s), func() bool {
		p = o.now(id)
		return p.State == s
	})
	return p
}

// now is how an operation is doing.
func (o *office) now(id string) bulk.Progress {
	o.t.Helper()
	p, err := o.Get(context.Background(), id)
	if err != nil {
		o.t.Fatal(err)
	}
	return p
}

// audited counts the rows of the audit with an action.
func (o *office) audited(action string) (n int) {
	o.t.Helper()
	for a, err := range o.store.Audits(context.Background(), store.AuditQuery{Route: route}) {
		if err != nil {
			o.t.Fatal(err)
		}
		if a.Action == action {
			n++
		}
	}
	return n
}

// counts are done, failed, refused, gone, left.
func counts(p bulk.Progress) [5]int64 {
	return [5]int64{p.Done, p.Failed, p.Refused, p.Gone, p.Operation.Left()}
}

// taken is what the target has, in order.
func (o *office) taken() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.got)
}

// slow is how long a call of the target takes from now on.
func (o *office) slow(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pause = d
}

// twice reports what the target has more than once.
func (o *office) twice() (all []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := map[string]bool{}
	for _, g := range o.got {
		if seen[g] {
			all = append(all, g)
		}
		seen[g] = true
	}
	return all
}

func (o *office) accounted() {
	o.t.Helper()
	o.await("all is accounted for", func() bool {
		s, err := o.resequencer().Stats(context.Background())
		return err == nil && s.Unaccounted() == 0 && s.InMemory == 0
	})
}
