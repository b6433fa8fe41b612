package e2e_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// TestA5_W2_UnroutableIsRedriven sends one message where no queue is bound. It is
// a dead letter that says so, its key waits, and when somebody has bound a queue
// it is sent at its place, and what waited behind it follows.
func TestA5_W2_UnroutableIsRedriven(t *testing.T) {
	t.Parallel()
	exchange, known, other := anExchange(t), rig.Queue(t), rig.Queue(t)
	ch := rig.Channel(t)
	bind(t, ch, exchange, known, "known")
	from := rig.Queue(t)
	to := func(key string, rev int64, where string) amqp.Publishing {
		m := ordered(key, rev)
		m.Headers["to"] = where
		return m
	}
	rig.Publish(t, from, to("a", 1, "known"), to("a", 2, "nowhere"), to("a", 3, "known"), to("b", 1, "known"))
	route := e2e.Route{From: e2e.Queues(from), To: e2e.Exchange(exchange, "header.to")}
	b := e2e.Start(t, e2e.Options{Routes: route.String()})
	e2e.Rest{Messages: 4, Dead: 1, Parked: 1}.Await(b, settleTimeout)
	dead := byMessage(b.DeadLetters("orders"))["a/2"]
	if dead.Reason != "unroutable" || dead.Class != "permanent" || dead.Attempts != 1 {
		t.Errorf("%q %q after %d attempts", dead.Class, dead.Reason, dead.Attempts)
	}
	if out := b.Must("explain", "a"); !strings.Contains(out, "bridge dlq redrive "+dead.ID) {
		t.Errorf("explain does not say what to do:\n%s", out)
	}
	bind(t, ch, exchange, other, "nowhere")
	b.Must("dlq", "redrive", dead.ID, "--reason", "the queue is bound now", "--dry-run")
	e2e.Rest{Messages: 4, Dead: 1, Parked: 1}.Await(b, settleTimeout)
	b.Must("dlq", "redrive", dead.ID, "--reason", "the queue is bound now")
	e2e.Rest{Messages: 4}.Await(b, settleTimeout)
	if out := b.Must("audit", "ls"); strings.Count(out, "redrive") != 1 || !strings.Contains(out, "the queue is bound now") {
		t.Errorf("the audit:\n%s", out)
	}
	stopped(t, b)
	var got []string
	for _, q := range []string{known, other} {
		for _, e := range e2e.Delivered(t, e2e.Queue(q)) {
			got = append(got, e.ID)
		}
	}
	slices.Sort(got)
	if want := []string{"a/1", "a/2", "a/3", "b/1"}; !slices.Equal(got, want) {
		t.Errorf("delivered %q, want %q", got, want)
	}
}

// TestI12_KillWhileOperating redrives dead letters and discards others while the
// bridge is killed again and again. What was discarded is a hole that a record
// explains; all else arrives in order.
func TestI12_KillWhileOperating(t *testing.T) {
	t.Parallel()
	limit := "50000"
	from, topic := rig.Queue(t), rig.TopicWith(t, 3, map[string]*string{"max.message.bytes": &limit})
	keys := size(30, 150)
	sent := e2e.Publish(t, e2e.Queue(from), eachWithLarge(keys, 5))
	b := e2e.Start(t, e2e.Options{Routes: e2e.Route{From: e2e.Queues(from), To: e2e.Topic(topic)}.String()})
	e2e.Rest{Messages: len(sent), Dead: keys, Parked: 3 * keys}.Await(b, settleTimeout)
	allow(t, topic, "1000000")
	rng := rand.New(rand.NewPCG(3, 9))
	gone := map[string]journal.Span{}
	for dead := b.DeadLetters("orders"); len(dead) > 0; dead = b.DeadLetters("orders") {
		crash := time.AfterFunc(time.Duration(rng.IntN(400))*time.Millisecond, func() { _ = b.Signal(syscall.SIGKILL) })
		for i, d := range dead {
			verb := []string{"redrive", "redrive", "discard"}[i%3]
			if verb == "discard" {
				gone[d.Raw()] = journal.Span{Key: d.Raw(), From: *d.Revision, To: *d.Revision}
			}
			if _, code := b.Command("dlq", verb, d.ID, "--reason", "a test"); code != 0 {
				break // it is dead by now
			}
		}
		if crash.Stop() {
			b.Await("what was redriven to settle", settleTimeout, func() (string, bool) {
				m, ok := b.Metrics()
				return e2e.Describe(m), ok && m.Sum("bridge_inflight_messages")+m.Sum("bridge_held_messages") == 0
			})
			continue
		}
		b.AwaitCrash()
		b.Restart()
	}
	e2e.AwaitQuiet(b, settleTimeout)
	stopped(t, b)
	got := e2e.Delivered(t, e2e.Topic(topic))
	var skipped []journal.Span
	for key, span := range gone {
		if !slices.ContainsFunc(got, func(e journal.Entry) bool { return e.Key == key && e.Rev == span.From }) {
			skipped = append(skipped, span)
		}
	}
	sent = slices.DeleteFunc(sent, func(e journal.Entry) bool {
		return slices.Contains(skipped, journal.Span{Key: e.Key, From: e.Rev, To: e.Rev})
	})
	t.Logf("%d crashes, %d discarded", b.Crashes(), len(skipped))
	judge(t, journal.Outcome{Sent: sent, Got: got, Skipped: skipped, Crashes: b.Crashes()})
}

// eachWithLarge is withLarge for several keys.
func eachWithLarge(keys int, n int64) func(func(journal.Message) bool) {
	return func(yield func(journal.Message) bool) {
		for i := range keys {
			for m := range withLarge(fmt.Sprintf("k%03d", i), n) {
				if !yield(m) {
					return
				}
			}
		}
	}
}

// withLarge are the revisions of a key, of which the second is too large.
func withLarge(key string, n int64) func(func(journal.Message) bool) {
	return func(yield func(journal.Message) bool) {
		for rev := int64(1); rev <= n; rev++ {
			m := journal.Message{Key: key, Rev: rev, ID: fmt.Sprintf("%s/%d", key, rev), Body: []byte("small")}
			if rev == 2 {
				m.Body = bytes.Repeat([]byte("x"), 60_000)
			}
			if !yield(m) {
				return
			}
		}
	}
}

// allow sets how large a record of a topic may be.
func allow(t *testing.T, topic, bytes string) {
	t.Helper()
	admin := kadm.NewClient(rig.Client(t))
	res, err := admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &bytes}}, topic)
	if err == nil {
		_, err = res.On(topic, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// anExchange makes one, until the test ends.
func anExchange(t *testing.T) string {
	t.Helper()
	name := rig.Name(t)
	if err := rig.Channel(t).ExchangeDeclare(name, "direct", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rig.Channel(t).ExchangeDelete(name, false, false) })
	return name
}

func bind(t *testing.T, ch *amqp.Channel, exchange, queue, key string) {
	t.Helper()
	if err := ch.QueueBind(queue, key, exchange, false, nil); err != nil {
		t.Fatal(err)
	}
}

// TestB1_KillInBackoff kills the bridge between two tries of a message. The tries
// before count, the message is not given up early nor tried anew, and its key
// waits for it all the time.
func TestB1_KillInBackoff(t *testing.T) {
	t.Parallel()
	exchange, known := anExchange(t), rig.Queue(t)
	ch := rig.Channel(t)
	bind(t, ch, exchange, known, "known")
	from := rig.Queue(t)
	for rev, where := range []string{"known", "nowhere", "known"} {
		m := ordered("a", int64(rev+1))
		m.Headers["to"] = where
		rig.Publish(t, from, m)
	}
	route := e2e.Route{
		From: e2e.Queues(from), To: e2e.Exchange(exchange, "header.to"),
		Rest: "retry: { jitter: 0, rules: [{ reason: unroutable, attempts: 4, initial: 1s, max: 1s }] }",
	}
	b := e2e.Start(t, e2e.Options{Routes: route.String()})
	for range 2 {
		b.Await("a try that fails", settleTimeout, func() (string, bool) {
			m, ok := b.Metrics()
			return e2e.Describe(m), ok && m.Sum("bridge_attempts_total", "class=permanent") == 1
		})
		_ = b.Signal(syscall.SIGKILL)
		b.AwaitCrash()
		b.Restart()
	}
	e2e.Rest{Messages: 3, Dead: 1, Parked: 1}.Await(b, settleTimeout)
	dead := byMessage(b.DeadLetters("orders"))["a/2"]
	if dead.Reason != "unroutable" || dead.Attempts != 4 || dead.LastFailed.Sub(dead.FirstFailed) < 3*time.Second {
		t.Errorf("%q after %d attempts, from %v to %v", dead.Reason, dead.Attempts, dead.FirstFailed, dead.LastFailed)
	}
	bind(t, ch, exchange, known, "nowhere")
	b.Must("dlq", "redrive", dead.ID, "--reason", "the queue is bound now")
	e2e.Rest{Messages: 3}.Await(b, settleTimeout)
	stopped(t, b)
	var got []string
	for _, e := range e2e.Delivered(t, e2e.Queue(known)) {
		got = append(got, e.ID)
	}
	if want := []string{"a/1", "a/2", "a/3"}; !slices.Equal(slices.Compact(got), want) {
		t.Errorf("delivered %q, want %q", got, want)
	}
}
