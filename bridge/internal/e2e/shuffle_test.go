package e2e_test

import (
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// shuffled is traffic that is displaced and repeated.
type shuffled struct {
	name    string
	traffic journal.Traffic
	gap     string
	parks   bool // more is missing than the window holds
}

var shuffles = []shuffled{
	{name: "1000 keys", traffic: journal.Traffic{Keys: 1000, Displaced: 200}},
	{name: "past the window", traffic: journal.Traffic{Keys: 100, Displaced: 5000}, parks: true},
	{name: "20 keys", traffic: journal.Traffic{Keys: 20, Displaced: 200}},
	{name: "no message ids", traffic: journal.Traffic{Keys: 100, Displaced: 200, NoID: true}},
	{name: "hold 0", traffic: journal.Traffic{Keys: 100, Displaced: 200}, gap: "{ hold: 0s }", parks: true},
}

// TestI1_I2_I9_I10_Shuffled moves it. No crash happens, so nothing may come
// twice.
func TestI1_I2_I9_I10_Shuffled(t *testing.T) {
	atOnce(t, directions, func(t *testing.T, d direction) {
		cases := shuffles
		if d.name != rabbitToKafka.name && !rig.Full() {
			cases = shuffles[:2] // what is left is the same in every direction
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.move(t, d)
			})
		}
	})
}

func (c shuffled) move(t *testing.T, d direction) {
	c.traffic.Messages, c.traffic.Repeated, c.traffic.Seed = size(10_000, 50_000), 0.01, 7
	from, to := d.from(t), d.to(t)
	sent := e2e.Publish(t, from, c.traffic.All())
	route := e2e.Route{From: []e2e.Place{from}, To: to, Window: 2000, Gap: c.gap}
	b := e2e.Start(t, e2e.Options{Routes: route.String()})
	n := distinct(sent)
	m := e2e.Rest{Messages: n}.Await(b, settleTimeout)
	if copies := m.Sum("bridge_messages_duplicates_total"); copies != int64(len(sent)-n) {
		t.Errorf("%d duplicates counted, %d were sent", copies, len(sent)-n)
	}
	parked := m.Sum("bridge_messages_parked_total")
	if c.parks && parked == 0 {
		t.Error("nothing was parked")
	}
	t.Logf("%d messages, %d of them parked on the way", n, parked)
	stopped(t, b)
	emptied(t, from)
	judge(t, journal.Outcome{Sent: sent, Got: e2e.Delivered(t, to)})
}
