package e2e_test

import (
	"fmt"
	"iter"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// restored is a bridge whose store was lost, and came back as it was some time
// before.
type restored struct {
	*e2e.Bridge
	t           *testing.T
	from, topic string
	dir, backup string
	plain, gaps int // keys that flow, and those that wait for their second revision
	dead        int // keys that wait for a dead letter
	sent        []journal.Entry
}

func newRestored(t *testing.T) *restored {
	t.Helper()
	limit := "50000"
	home := t.TempDir()
	r := &restored{
		t: t, from: rig.Queue(t), topic: rig.TopicWith(t, 3, map[string]*string{"max.message.bytes": &limit}),
		dir: home + "/store", backup: home + "/backup", plain: size(100, 1000), gaps: 10, dead: 20,
	}
	route := e2e.Route{From: e2e.Queues(r.from), To: e2e.Topic(r.topic), Gap: "{ hold: 50ms, timeout: 1s }"}
	r.Bridge = e2e.Start(t, e2e.Options{Routes: route.String(), Dir: r.dir})
	return r
}

// revisions are those of each of n keys, from one to another.
func revisions(kind string, n int, from, to int64) iter.Seq[journal.Message] {
	return func(yield func(journal.Message) bool) {
		for rev := from; rev <= to; rev++ {
			for i := range n {
				key := fmt.Sprintf("%s%03d", kind, i)
				if !yield(journal.Message{Key: key, Rev: rev, ID: fmt.Sprintf("%s/%d", key, rev), Body: []byte(kind)}) {
					return
				}
			}
		}
	}
}

func (r *restored) publish(msgs iter.Seq[journal.Message]) {
	r.t.Helper()
	r.sent = append(r.sent, e2e.Publish(r.t, e2e.Queue(r.from), msgs)...)
}

// beforeBackup leaves dead letters, with messages parked behind them, and gaps.
func (r *restored) beforeBackup() {
	r.t.Helper()
	r.publish(eachWithLarge(r.dead, 5))
	r.publish(revisions("gap", r.gaps, 1, 1))
	r.publish(revisions("gap", r.gaps, 3, 3))
	r.publish(revisions("plain", r.plain, 1, 5))
	e2e.Rest{Messages: len(r.sent), Dead: r.dead, Parked: 3*r.dead + r.gaps}.Await(r.Bridge, settleTimeout)
}

// backUp is done while messages move.
func (r *restored) backUp() {
	r.t.Helper()
	feed := e2e.StartFeed(r.t, e2e.Queues(r.from), revisions("plain", r.plain, 6, 20), r.plain*5)
	awaitDelivered(r.t, r.Bridge, 2*r.plain)
	r.Must("store", "backup", r.backup)
	r.sent = append(r.sent, feed.End()...)
}

// afterBackup fills the gaps and has half of the dead letters redriven. It returns
// what comes twice after a restore: both were parked or dead in the backup.
func (r *restored) afterBackup() map[string]int {
	r.t.Helper()
	r.publish(revisions("gap", r.gaps, 2, 2))
	allow(r.t, r.topic, "1000000")
	again := map[string]int{}
	var ids []string
	for _, d := range r.DeadLetters("orders")[:r.dead/2] {
		ids = append(ids, d.ID)
		for rev := 2; rev <= 5; rev++ {
			again[fmt.Sprintf("%s/%d", d.Raw(), rev)] = 1
		}
	}
	for i := range r.gaps {
		again[fmt.Sprintf("gap%03d/3", i)] = 1
	}
	op := r.Begin("orders", api.Request{Action: "redrive", Selection: api.Selection{IDs: ids}})
	r.AwaitOperation("orders", op.ID, "done", settleTimeout)
	left := r.dead - len(ids)
	e2e.Rest{Messages: len(r.sent), Dead: left, Parked: 3 * left}.Await(r.Bridge, settleTimeout)
	return again
}

// loseStore stops the bridge, removes its store and restores the backup.
func (r *restored) loseStore() {
	r.t.Helper()
	if out, code := r.Command("store", "restore", r.backup, "--reason", "too early"); code != 3 {
		r.t.Errorf("a restore over the store of a running bridge ended with %d: %s", code, out)
	}
	stopped(r.t, r.Bridge)
	if err := os.RemoveAll(r.dir); err != nil {
		r.t.Fatal(err)
	}
	r.Must("store", "restore", r.backup, "--reason", "the disk broke")
}

// TestI2_RestoredFromABackup: the keys wait for what was delivered after the backup,
// so the route pauses until it is told to adopt. Nothing is lost that was not, and
// what comes twice is what the backup had parked or dead and was delivered since.
func TestI2_RestoredFromABackup(t *testing.T) {
	t.Parallel()
	r := newRestored(t)
	r.beforeBackup()
	r.backUp()
	again := r.afterBackup()
	r.loseStore()
	r.publish(revisions("plain", r.plain, 21, 25))
	r.Restart()
	r.AwaitUnready(2*notice, "no_state", "--adopt-once")
	if n := len(r.DeadLetters("orders")); n != r.dead {
		t.Errorf("%d dead letters are back, of %d", n, r.dead)
	}
	stopped(t, r.Bridge)
	r.Restart("--adopt-once")
	r.Await("nothing but dead letters to be left", settleTimeout, func() (string, bool) {
		m, ok := r.Metrics()
		return e2e.Describe(m), ok && m.Sum("bridge_parked_messages") == int64(3*r.dead) && m.Sum("bridge_inflight_messages")+m.Sum("bridge_held_messages") == 0 &&
			m.Sum("bridge_quarantined_keys") == int64(r.dead)
	})
	op := r.Begin("orders", api.Request{Action: "redrive"})
	if op = r.AwaitOperation("orders", op.ID, "done", settleTimeout); op.Done != int64(r.dead) {
		t.Errorf("%+v", op)
	}
	e2e.AwaitQuiet(r.Bridge, settleTimeout)
	if out := r.Must("audit", "ls"); !strings.Contains(out, "the disk broke") {
		t.Errorf("the audit does not tell of the restore: %s", out)
	}
	if !strings.Contains(r.Log(), "the store was restored from a backup") {
		t.Error("the log does not tell of the restore")
	}
	stopped(t, r.Bridge)
	emptied(t, e2e.Queue(r.from))
	r.judge(again)
}

// judge looks at what came, and counts what came twice.
func (r *restored) judge(again map[string]int) {
	r.t.Helper()
	got := e2e.Delivered(r.t, e2e.Topic(r.topic))
	judge(r.t, journal.Outcome{Sent: r.sent, Got: got, Crashes: 1})
	twice := map[string]int{}
	for _, e := range got {
		twice[e.ID]++
	}
	for id, n := range twice {
		if twice[id] = n - 1; n == 1 {
			delete(twice, id)
		}
	}
	if !maps.Equal(twice, again) {
		r.t.Errorf("came again: %v, want %v", twice, again)
	}
}
