package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// hostile is a message that somebody sends who means no good, or does not know
// better. Its header n has its name, and if it has a message id, that is the name too.
type hostile struct {
	name   string
	p      amqp.Publishing // to a queue
	r      *kgo.Record     // to a topic
	copies int             // beside the first one

	reason  string // of the dead letter that it becomes; "": it is delivered
	onTopic string // the same, only where the target is a topic
	onQueue string // or a queue
	parked  bool   // it waits for what never comes
	forges  bool   // of what it says of itself something else is believed
	null    bool   // it says that its empty body is null
}

// inOrder are the reasons of dead letters that stand at a revision of their key.
var inOrder = []string{"too_large", "permanent"}

// fate is the reason of its dead letter on the way to a target.
func (h hostile) fate(to e2e.Place) string {
	if to.IsTopic() && h.onTopic != "" {
		return h.onTopic
	}
	if !to.IsTopic() && h.onQueue != "" {
		return h.onQueue
	}
	return h.reason
}

// TestD6_D8_D9_A19_HostileMessages sends all of them in each direction, between good
// ones of many keys. Each arrives as it was sent, or is a dead letter as it was sent
// and with its reason; the good ones arrive in order; and nothing is unaccounted for.
func TestD6_D8_D9_A19_HostileMessages(t *testing.T) {
	seed := rand.Uint64()
	atOnce(t, directions, func(t *testing.T, d direction) {
		t.Logf("the seed is %d", seed)
		hostileMessages(t, d, "typed", seed)
		if rig.Full() {
			hostileMessages(t, d, "text", seed)
		}
	})
}

func hostileMessages(t *testing.T, d direction, headers string, seed uint64) {
	t.Run(headers, func(t *testing.T) {
		from, to := hostilePlace(t, d.from(t)), d.to(t)
		all := hostileTo(from, rand.New(rand.NewPCG(seed, 0)))
		good := journal.Traffic{Keys: 50, Displaced: 50, Repeated: 0.02, Messages: size(1_500, 20_000), Size: 100, Seed: seed}
		feed := e2e.StartFeed(t, []e2e.Place{from}, good.All(), size(1_000, 4_000))
		b := e2e.Start(t, e2e.Options{Routes: e2e.Route{From: []e2e.Place{from}, To: to, Headers: headers}.String()})
		for some := range slices.Chunk(all, 40) {
			sendHostile(t, from, some)
		}
		sent := feed.End()
		ends := len(sent) + len(all)
		for _, h := range all {
			ends += h.copies
		}
		awaitEnds(b, ends)
		arrivals, letters := e2e.Arrivals(t, to), b.Letters("orders")
		parked := b.Keys("orders")
		stopped(t, b)
		emptied(t, from)
		judgeHostile(t, all, to, &arrivals, letters)
		for _, h := range all {
			if lane := parked[h.key()]; h.parked && lane.Parked != 1 {
				t.Errorf("%s: %d are parked, and the key is %s", h.name, lane.Parked, lane.State)
			}
		}
		var got []journal.Entry
		for _, a := range arrivals {
			got = append(got, a.Entry(t))
		}
		judge(t, journal.Outcome{Sent: sent, Got: got})
		t.Logf("%d good messages, %d hostile ones, of them %d dead letters", len(got), len(all), len(letters))
	})
}

// awaitEnds waits until so many messages have come to an end, copies among them.
func awaitEnds(b *e2e.Bridge, n int) {
	b.Await(fmt.Sprint("the ends of ", n), settleTimeout, func() (string, bool) {
		m, ok := b.Metrics()
		ended := int64(0)
		for _, name := range []string{"messages_delivered_total", "messages_duplicates_total", "dead_letter_messages", "parked_messages"} {
			ended += m.Sum("bridge_" + name)
		}
		rest := m.Sum("bridge_unaccounted_messages") == 0 && m.Sum("bridge_source_lag_messages") == 0
		return e2e.Describe(m), ok && rest && ended == int64(n)
	})
}

// key is what it says of its key.
func (h hostile) key() string {
	if h.r != nil {
		return string(h.r.Headers[1].Value)
	}
	key, _ := h.p.Headers["key"].(string)
	return key
}

// hostilePlace is a source that takes what these messages are: a topic with records
// of any time and size.
func hostilePlace(t *testing.T, from e2e.Place) e2e.Place {
	t.Helper()
	if !from.IsTopic() {
		return from
	}
	large, ever := "20971520", "9223372036854775807"
	return e2e.Topic(rig.TopicWith(t, 6, map[string]*string{
		"max.message.bytes": &large, "message.timestamp.after.max.ms": &ever, "retention.ms": new("-1"),
	}))
}

func hostileTo(from e2e.Place, rng *rand.Rand) []hostile {
	if from.IsTopic() {
		return append(hostileRecords(), randomRecords(rng, size(100, 5_000))...)
	}
	return append(hostileDeliveries(), randomDeliveries(rng, size(100, 5_000))...)
}

func sendHostile(t *testing.T, to e2e.Place, all []hostile) {
	t.Helper()
	var ps []amqp.Publishing
	var rs []*kgo.Record
	for _, h := range all {
		for range 1 + h.copies {
			if ps = append(ps, h.p); h.r != nil {
				again := *h.r // the client writes into what it sends
				rs = append(rs, &again)
			}
		}
	}
	if to.IsTopic() {
		large := rig.Client(t, kgo.DefaultProduceTopic(to.String()), kgo.ProducerBatchMaxBytes(20<<20))
		if err := large.ProduceSync(t.Context(), rs...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	} else {
		rig.Publish(t, to.String(), ps...)
	}
}
