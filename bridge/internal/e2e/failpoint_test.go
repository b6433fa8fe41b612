package e2e_test

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
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
		switch {
		case rig.Full():
			times = []int{1, 2, 4, 10}
		case d.name != rabbitToKafka.name:
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
	s.settle(t, b)
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(text))
	for _, point := range failpoint.All {
		if slices.Contains(lines, string(point)) {
			points = append(points, point)
		}
	}
	return points
}

// stony is traffic that takes every turn: more is missing than the window
// holds, so it is parked, and one message cannot be identified.
type stony struct {
	from, to e2e.Place
	sent     []journal.Entry
	route    e2e.Route
}

func newStony(t *testing.T, d direction) *stony {
	t.Helper()
	s := &stony{from: d.from(t), to: d.to(t)}
	s.sent = e2e.Publish(t, s.from, stonyTraffic())
	nameless(t, s.from)
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

// settle waits for the end and judges.
func (s *stony) settle(t *testing.T, b *e2e.Bridge) {
	t.Helper()
	e2e.Rest{Messages: distinct(s.sent), Loose: 1}.Await(b, settleTimeout)
	if dead := b.DeadLetters("orders"); len(dead) != 1 || dead[0].MessageID != "nameless" || dead[0].Reason != "key_missing" {
		t.Errorf("dead letters: %+v", dead)
	}
	stopped(t, b)
	emptied(t, s.from)
	judge(t, journal.Outcome{Sent: s.sent, Got: e2e.Delivered(t, s.to), Crashes: b.Crashes()})
}
