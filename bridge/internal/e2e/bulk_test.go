package e2e_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/ordering/failpoint"
)

// incident is a route of whose keys each waits for a dead letter: the topic takes
// no message that is as large.
type incident struct {
	from, topic string
	sent        []journal.Entry
	keys        int
}

func newIncident(t *testing.T, keys int) *incident {
	t.Helper()
	limit := "50000"
	i := &incident{from: rig.Queue(t), topic: rig.TopicWith(t, 3, map[string]*string{"max.message.bytes": &limit}), keys: keys}
	i.sent = e2e.Publish(t, e2e.Queue(i.from), eachWithLarge(keys, 5))
	return i
}

func (i *incident) route() e2e.Route {
	return e2e.Route{From: e2e.Queues(i.from), To: e2e.Topic(i.topic)}
}

// await waits until every key waits, and checks what is said of the cause.
func (i *incident) await(t *testing.T, b *e2e.Bridge) api.Group {
	t.Helper()
	e2e.Rest{Messages: len(i.sent), Dead: i.keys, Parked: 3 * i.keys}.Await(b, settleTimeout)
	groups := b.Groups("orders")
	if len(groups) != 1 {
		t.Fatalf("one cause makes %d groups: %+v", len(groups), groups)
	}
	if g := groups[0]; g.Dead != int64(i.keys) || g.BlockedKeys != int64(i.keys) || g.ParkedBehind != int64(3*i.keys) || g.Reason != "too_large" {
		t.Errorf("%+v, want %d dead letters", g, i.keys)
	}
	return groups[0]
}

// TestF10_RedriveOfAGroupUnderTraffic redrives a group twice at once, while more
// comes of the same keys, and while somebody else discards some of it.
func TestF10_RedriveOfAGroupUnderTraffic(t *testing.T) {
	t.Parallel()
	i := newIncident(t, size(100, 400))
	b := e2e.Start(t, e2e.Options{Routes: i.route().String()})
	g := i.await(t, b)
	allow(t, i.topic, "1000000")
	more := e2e.StartFeed(t, e2e.Queues(i.from), func(yield func(journal.Message) bool) {
		for rev := int64(6); rev <= 12; rev++ {
			for k := range i.keys {
				key := fmt.Sprintf("k%03d", k)
				if !yield(journal.Message{Key: key, Rev: rev, ID: fmt.Sprintf("%s/%d", key, rev), Body: []byte("more")}) {
					return
				}
			}
		}
	}, 2000)
	one := b.DeadLetters("orders")[0]
	of := api.Selection{Group: g.Fingerprint}
	first := b.Begin("orders", api.Request{Action: "redrive", Selection: of, Rate: float64(i.keys) / 2})
	second := b.Begin("orders", api.Request{Action: "redrive", Selection: of, Canary: 3})
	third := b.Begin("orders", api.Request{Action: "discard", Selection: api.Selection{IDs: []string{one.ID}}})
	done := int64(0)
	for _, op := range []api.Operation{first, second, third} {
		op = b.AwaitOperation("orders", op.ID, "done", settleTimeout)
		if op.Failed+op.Refused != 0 || op.Left != 0 {
			t.Errorf("%+v", op)
		}
		done += op.Done
	}
	if done != int64(i.keys) {
		t.Errorf("%d were dealt with, of %d", done, i.keys)
	}
	sent := slices.Concat(i.sent, more.End())
	e2e.AwaitQuiet(b, settleTimeout)
	stopped(t, b)
	i.judge(t, b, sent, one.Raw())
}

// judge looks at what came; one key may go on without its second revision, if that
// was discarded.
func (i *incident) judge(t *testing.T, b *e2e.Bridge, sent []journal.Entry, discarded string) {
	t.Helper()
	got := e2e.Delivered(t, e2e.Topic(i.topic))
	o := journal.Outcome{Sent: sent, Got: got, Crashes: b.Crashes()}
	there := func(e journal.Entry) bool { return e.Key == discarded && e.Rev == 2 }
	if discarded != "" && !slices.ContainsFunc(got, there) {
		o.Skipped = []journal.Span{{Key: discarded, From: 2, To: 2}}
		o.Sent = slices.DeleteFunc(sent, there)
	}
	judge(t, o)
}

// TestF10_KillDuringARedrive kills the bridge at each place that a redriven
// message passes. The operation goes on by itself, and sends nothing twice but
// what was under way.
func TestF10_KillDuringARedrive(t *testing.T) {
	t.Parallel()
	points := []failpoint.Point{
		failpoint.BeforePublish, failpoint.Unconfirmed, failpoint.Confirmed, failpoint.BeforeCommit, failpoint.AfterCommit,
	}
	for _, point := range points {
		for _, n := range []int{1, size(2, 5)} {
			t.Run(fmt.Sprintf("%s@%d", point, n), func(t *testing.T) {
				t.Parallel()
				i := newIncident(t, size(20, 60))
				b := e2e.Prepare(t, e2e.Options{Routes: i.route().String(), Failpoints: true})
				b.Run(nil)
				b.AwaitAlive()
				g := i.await(t, b)
				op := b.Begin("orders", api.Request{Action: "redrive", Selection: api.Selection{Group: g.Fingerprint}, Rate: 0.001})
				op = b.AwaitOperation("orders", op.ID, "running", settleTimeout) // it has sent one, in vain
				b.Must("ops", "cancel", op.ID, "--reason", "a test", "--route", "orders")
				allow(t, i.topic, "1000000")
				stopped(t, b)
				b.Run([]string{fmt.Sprintf("BRIDGE_FAIL=%s@%d", point, n)})
				b.AwaitAlive()
				op = b.Begin("orders", api.Request{Action: "redrive", Rate: float64(i.keys) / 2}) // in several calls
				b.AwaitCrash()
				b.Restart()
				op = b.AwaitOperation("orders", op.ID, "done", settleTimeout)
				if op.Done+op.Gone != op.Total || op.Failed+op.Refused != 0 {
					t.Errorf("%+v", op)
				}
				e2e.AwaitQuiet(b, settleTimeout)
				stopped(t, b)
				i.judge(t, b, i.sent, "")
			})
		}
	}
}

// TestD1_ManyDeadLettersAreRedriven has as many dead letters as an incident
// leaves, and redrives them all.
func TestD1_ManyDeadLettersAreRedriven(t *testing.T) {
	t.Parallel()
	limit := "2000"
	n := size(5_000, 50_000)
	from, topic := rig.Queue(t), rig.TopicWith(t, 3, map[string]*string{"max.message.bytes": &limit})
	sent := e2e.Publish(t, e2e.Queue(from), func(yield func(journal.Message) bool) {
		for k := range n {
			id := fmt.Sprintf("m%05d", k)
			if !yield(journal.Message{Key: id, Rev: 1, ID: id, Body: bytes.Repeat([]byte("x"), 3000)}) {
				return
			}
		}
	})
	route := e2e.Route{From: e2e.Queues(from), To: e2e.Topic(topic), By: "arrival", Order: "key: header.key"}
	b := e2e.Start(t, e2e.Options{Routes: route.String()})
	e2e.Rest{Messages: n, Dead: n}.Await(b, 2*settleTimeout)
	allow(t, topic, "1000000")
	op := b.Begin("orders", api.Request{Action: "redrive", Canary: 10})
	op = b.AwaitOperation("orders", op.ID, "done", 2*settleTimeout)
	if op.Done != int64(n) {
		t.Errorf("%+v", op)
	}
	t.Logf("%d in %v", n, op.Ended.Sub(op.Began).Round(time.Millisecond))
	e2e.AwaitQuiet(b, settleTimeout)
	stopped(t, b)
	judge(t, journal.Outcome{Sent: sent, Got: e2e.Unrevised(t, e2e.Topic(topic))})
}
