package e2e_test

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/ordering/failpoint"
)

// TestB1_KillAtEveryFailpoint crashes the bridge at each place where a crash
// costs something, at the first and at later times that it is there.
func TestB1_KillAtEveryFailpoint(t *testing.T) {
	atOnce(t, mostly(), func(t *testing.T, d direction) {
		times := []int{1, 4}
		if !rig.Full() && d.name != rabbitToKafka.name {
			times = times[:1]
		}
		for _, point := range passed(t, d) {
			for _, n := range times {
				t.Run(fmt.Sprintf("%s@%d", point, n), func(t *testing.T) {
					t.Parallel()
					s := newStony(t, d)
					b := e2e.Prepare(t, e2e.Options{Routes: s.route.String(), Failpoints: true})
					b.Run([]string{fmt.Sprintf("BRIDGE_FAIL=%s@%d", point, n)})
					b.AwaitCrash()
					s.complete()
					b.Restart()
					s.settle(t, b)
				})
			}
		}
	})
}

// TestB1_EveryFailpointIsReached keeps the matrix whole: a point that nobody
// passes any more is crashed at in vain.
func TestB1_EveryFailpointIsReached(t *testing.T) {
	reached := slices.Concat(passed(t, rabbitToKafka), passed(t, kafkaToRabbit))
	for _, point := range failpoint.All {
		if !slices.Contains(reached, point) {
			t.Errorf("no message passes %s", point)
		}
	}
}

// passed are the points that are passed in a direction: some belong to one
// broker.
func passed(t *testing.T, d direction) (points []failpoint.Point) {
	t.Helper()
	s := newStony(t, d)
	log := filepath.Join(t.TempDir(), "points")
	b := e2e.Prepare(t, e2e.Options{Routes: s.route.String(), Failpoints: true})
	b.Run([]string{"BRIDGE_FAIL_LOG=" + log})
	b.AwaitAlive()
	b.Await("something to be parked", settleTimeout, func() (string, bool) {
		reached := reachedPoints(log)
		return fmt.Sprint(reached), slices.Contains(reached, string(failpoint.AfterPark))
	})
	s.complete()
	s.settle(t, b)
	reached := reachedPoints(log)
	for _, point := range failpoint.All {
		if slices.Contains(reached, string(point)) {
			points = append(points, point)
		}
	}
	return points
}

// reachedPoints are the lines of a BRIDGE_FAIL_LOG, which is there from the first
// of them on.
func reachedPoints(log string) []string {
	text, err := os.ReadFile(log)
	if err != nil {
		return nil
	}
	return strings.Fields(string(text))
}

// stony is traffic that takes every turn: more is missing than the window
// holds, so it is parked, and one message cannot be identified. One key lacks its
// first revision, and parks one message after another, until complete.
type stony struct {
	from, to e2e.Place
	sent     []journal.Entry
	route    e2e.Route
	late     *e2e.Feed
	complete func()
}

func newStony(t *testing.T, d direction) *stony {
	t.Helper()
	s := &stony{from: d.from(t), to: d.to(t)}
	s.sent = e2e.Publish(t, s.from, stonyTraffic())
	nameless(t, s.from)
	there := make(chan struct{})
	s.complete = func() { close(there) }
	s.late = e2e.StartFeed(t, []e2e.Place{s.from}, lateTraffic(there), 20)
	s.route = e2e.Route{From: []e2e.Place{s.from}, To: s.to, Window: 200, Gap: "{ hold: 20ms }"}
	return s
}

// nameless sends a message that has an id, but no key.
func nameless(t *testing.T, to e2e.Place) {
	t.Helper()
	if to.IsTopic() {
		rig.Produce(t, to.String(), &kgo.Record{Value: []byte("no key"), Headers: []kgo.RecordHeader{
			{Key: "_watermill_message_uuid", Value: []byte("nameless")},
		}})
		return
	}
	rig.Publish(t, to.String(), amqp.Publishing{MessageId: "nameless", DeliveryMode: amqp.Persistent, Body: []byte("no key")})
}

func stonyTraffic() iter.Seq[journal.Message] {
	return journal.Traffic{Keys: 20, Displaced: 800, Repeated: 0.01, Size: 128, Messages: 2000, Seed: 5, NoID: true}.All()
}

// lateTraffic is one key whose first revision comes last, once it is there.
func lateTraffic(there <-chan struct{}) iter.Seq[journal.Message] {
	return func(yield func(journal.Message) bool) {
		late := func(rev int64) journal.Message {
			return journal.Message{Key: "late", Rev: rev, Body: strconv.AppendInt(nil, rev, 10)}
		}
		for rev := int64(2); ; rev++ {
			select {
			case <-there:
				yield(late(1))
				return
			default:
			}
			if !yield(late(rev)) {
				return
			}
		}
	}
}

// settle waits for the end and judges.
func (s *stony) settle(t *testing.T, b *e2e.Bridge) {
	t.Helper()
	s.sent = append(s.sent, s.late.End()...)
	e2e.Rest{Messages: distinct(s.sent), Loose: 1}.Await(b, settleTimeout)
	if dead := b.DeadLetters("orders"); len(dead) != 1 || dead[0].MessageID != "nameless" || dead[0].Reason != "key_missing" {
		t.Errorf("dead letters: %+v", dead)
	}
	stopped(t, b)
	emptied(t, s.from)
	judge(t, journal.Outcome{Sent: s.sent, Got: e2e.Delivered(t, s.to), Crashes: b.Crashes()})
}
