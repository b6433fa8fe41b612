package console

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/mask"
	"github.com/brokerbridge/bridge/bridge/status"
)

// sentence is what the overview says first, and where it leads.
func sentence(t *testing.T, b *bridge) (says, leads string) {
	t.Helper()
	m := regexp.MustCompile(`(?s)<section class="verdict (\w+)".*?<p>(.*?)</p>\n(?:<a class="button" href="([^"]*)">)?`).FindStringSubmatch(b.see(t, "/"))
	if m == nil {
		t.Fatal("the overview says nothing first")
	}
	return m[1] + ": " + m[2], m[3]
}

func TestOneSentenceSaysHowItIs(t *testing.T) {
	blockedBy := func(g ...api.Group) func(*bridge) {
		return func(b *bridge) {
			b.routes[0].Counts.Dead = 1
			b.routes[0].Counts.Parked = 312
			b.groups["orders"] = g
		}
	}
	group := api.Group{Route: "orders", Fingerprint: "f00d", Reason: "too_large", Error: "MESSAGE_TOO_LARGE", Dead: 3, BlockedKeys: 2, ParkedBehind: 300}
	small := group
	small.ParkedBehind, small.Fingerprint = 12, "beef"
	beside := group
	beside.BlockedKeys, beside.ParkedBehind = 0, 0
	for name, c := range map[string]struct {
		set         func(*bridge)
		says, leads string
	}{
		"well":      {func(*bridge) {}, "good: All is well: 4 routes move messages, 0 unaccounted.", ""},
		"one route": {func(b *bridge) { b.routes = b.routes[:1] }, "good: All is well: 1 route moves messages, 0 unaccounted.", ""},
		"waits": {
			func(b *bridge) { b.routes[1].State, b.routes[1].Reason = status.Waiting, "target: breaker open" },
			"busy: 1 of 4 routes does not move messages: payments is waiting: target: breaker open; it goes on by itself.", "/routes/payments/",
		},
		"two, one of which somebody has to start": {
			func(b *bridge) {
				b.routes[1].State = status.Waiting
				b.routes[2].State, b.routes[2].Reason = status.Paused, "dead_letter: a message failed"
			},
			"bad: 2 of 4 routes do not move messages; the worst: stock is paused: dead_letter: a message failed.", "/routes/stock/act?do=resume",
		},
		"offsets": {
			func(b *bridge) {
				b.routes[1].State, b.routes[1].Reason = status.Waiting, "source: offset_rewound: bridge routes resume --accept-offset"
			},
			"busy: 1 of 4 routes does not move messages: payments is waiting: source: offset_rewound: bridge routes resume --accept-offset.", "/routes/payments/#ways",
		},
		"one cause": {blockedBy(group), "bad: 312 messages wait: on orders 3 dead letters, too_large, with 300 messages behind 2 keys: MESSAGE_TOO_LARGE.", "/routes/orders/dead-letters?group=f00d"},
		"two causes": {
			blockedBy(small, group),
			"bad: 312 messages wait, for 2 causes; the worst: on orders 3 dead letters, too_large, with 300 messages behind 2 keys: MESSAGE_TOO_LARGE.", "/routes/orders/dead-letters?group=f00d",
		},
		"nothing waits for them": {blockedBy(beside), "busy: All routes move messages, but somebody should look: on orders 3 dead letters, too_large: MESSAGE_TOO_LARGE.", "/routes/orders/dead-letters?group=f00d"},
		"gaps": {
			func(b *bridge) { b.routes[3].Counts.Keys["gap_blocked"] = 1 },
			"bad: Keys wait: on mails 1 key misses a revision that did not come in time.", "/keys?route=mails",
		},
		"an alarm": {
			func(b *bridge) {
				b.routes[3].Alarms = []status.Alarm{{Reason: "open_skips", Says: "2 open skips, the limit is 1"}}
			},
			"busy: All routes move messages, but somebody should look: on mails 2 open skips, the limit is 1.", "/skips?route=mails",
		},
		"lost": {
			func(b *bridge) { b.routes[0].Counts.Unaccounted = 5; b.routes[1].State = status.Paused },
			"bad: on orders 5 messages are unaccounted for.", "/routes/orders/#balance",
		},
		"somebody paused it": {
			func(b *bridge) { b.routes[0].State, b.routes[0].Reason = status.Paused, "operator: moving house" },
			"busy: 1 of 4 routes does not move messages: orders is paused: operator: moving house.", "/routes/orders/act?do=resume",
		},
	} {
		b := well()
		c.set(b)
		says, leads := sentence(t, b)
		if says != c.says || strings.ReplaceAll(leads, "&amp;", "&") != c.leads {
			t.Errorf("%s:\n%s -> %s\nwant\n%s -> %s", name, says, leads, c.says, c.leads)
		}
	}
}

// While messages move, a count may be off for a moment: the page looks again before
// it says that something was lost.
func TestOneReadingIsNoLoss(t *testing.T) {
	b := well()
	b.reading = func(n int, routes []status.Route) { routes[0].Counts.Unaccounted = int64(1 - min(n, 1)) }
	if says, _ := sentence(t, b); !strings.HasPrefix(says, "good") {
		t.Error(says)
	}
	b.read, b.reading = 0, func(n int, routes []status.Route) { routes[0].Counts.Unaccounted = int64(1 + n) }
	if says, _ := sentence(t, b); !strings.Contains(says, "unaccounted for") {
		t.Error(says)
	}
}

func TestTheOverviewHasAllThatWaits(t *testing.T) {
	page := troubled().see(t, "/")
	has(
		t, page, ">312<", ">41<", ">9<", "2 open skips, the limit is 1", "bridge dlq ls --route orders --group f00d",
		"billing: 500 &lt;b&gt;no&lt;/b&gt;", "bridge routes resume mails --reason &#39;…&#39;", `href="/routes/mails/act?do=resume"`, "5\u202f210",
	)
	if strings.Contains(page, "<b>no") {
		t.Error("an error is more than text")
	}
	empty := &bridge{me: api.Me{Role: "viewer"}}
	has(t, empty.see(t, "/"), "No route runs here", "bridge validate")
}

// The drawing and the table say the same, and each route is a link with a name.
func TestTheTopologyIsDrawn(t *testing.T) {
	page := troubled().see(t, "/")
	for _, r := range troubled().routes {
		has(t, page, `<a href="/routes/`+r.Name+`/" aria-label="Route `+r.Name+`: `+string(r.State), `<tr data-row="`+r.Name+`">`)
	}
	has(
		t, page, `<path class="wire down"`, "lake, topic payments: not connected: dial tcp: connection refused", `aria-label="Route payments: waiting, 230/s, breaker open, 0 dead"`,
	)
	if n := strings.Count(page, `<g class="broker`); n != 5 { // shop and lake on the left, lake, shop and post on the right
		t.Errorf("%d brokers are drawn", n)
	}
	many := well()
	for len(many.routes) < 30 {
		many.routes = append(many.routes, many.routes[0])
	}
	has(t, many.see(t, "/"), "and 6 routes more, in the table")
}

func TestChart(t *testing.T) {
	c := plot(day(), 24)
	if c.Empty || len(c.Curves) != 3 || len(c.Times) < 4 || c.Values[2].Says != "2\u202f000/s" || c.Marks == "" {
		t.Fatalf("%+v", c)
	}
	for _, curve := range c.Curves {
		if n := len(strings.Fields(curve.Points)); n == 0 || n > maxColumns {
			t.Errorf("%s has %d points", curve.Class, n)
		}
	}
	if c.Says[0] != "taken: peak 1\u202f720/s at 20:46 UTC, now 1\u202f198/s" || c.Says[3] != "dead letters: peak 0.4/s at 03:41 UTC, now 0/s" {
		t.Errorf("%q", c.Says)
	}
	if c := plot(api.History{}, 24); !c.Empty {
		t.Error("nothing is drawn")
	}
	one := plot(api.History{From: noon, Step: 10, Steps: []api.Rates{{}}}, 1)
	if one.Empty || strings.Contains(one.Curves[0].Points, "NaN") || one.Says[0] != "taken: none" {
		t.Errorf("%+v", one)
	}
	has(t, well().see(t, "/?hours=6"), `href="?hours=6" aria-current="true"`, "the last 6 hours", `role="img" aria-labelledby="chart-title chart-says"`, "<desc")
	has(t, well().see(t, "/?hours=a"), `href="?hours=24" aria-current="true"`)
}

// A chart begins with as much as there is: on a bridge that is young, a day is a
// blank with a line at its end.
func TestAYoungBridgeHasAShortChart(t *testing.T) {
	for steps, hours := range map[int]string{0: "1", 4: "1", 60: "1", 61: "6", 360: "6", 361: "24", 1440: "24"} {
		b := well()
		b.history.Steps = make([]api.Rates, steps)
		has(t, b.see(t, "/"), `href="?hours=`+hours+`" aria-current="true"`)
		has(t, b.see(t, "/?hours=24"), `href="?hours=24" aria-current="true"`)
	}
}

// Keys that miss something hurt by what waits behind them, too.
func TestGapsAreRankedByWhatWaits(t *testing.T) {
	b := well()
	b.routes[0].Counts.Dead, b.routes[0].Counts.Parked, b.routes[0].Counts.Keys["gap_blocked"] = 3, 400, 2
	b.groups["orders"] = []api.Group{{Route: "orders", Fingerprint: "f00d", Reason: "too_large", Error: mask.NotShown, Dead: 3, BlockedKeys: 2, ParkedBehind: 100}}
	if says, _ := sentence(t, b); !strings.Contains(says, "2 keys miss revisions that did not come in time, with up to 300 messages behind 2 keys") {
		t.Error(says)
	}
	page := b.see(t, "/")
	has(t, page, ">up to 300<", "It is larger than the target takes<")
	if strings.Contains(page, mask.NotShown) {
		t.Error("the cause is what is not shown")
	}
}

// What ends without anybody says so.
func TestNobodyIsAskedToActInVain(t *testing.T) {
	for reason, wanted := range map[string]bool{"target: breaker open": true, "operator: moving house": false, "source: offset_rewound": false} {
		b := well()
		b.routes[1].State, b.routes[1].Reason = status.Waiting, reason
		if got := strings.Contains(b.see(t, "/"), "nobody has to act: it goes on by itself"); got != wanted {
			t.Errorf("%s: %v", reason, got)
		}
	}
}

// A browser does not show the pages of this program in the style of the last one.
func TestStyleIsOfItsProgram(t *testing.T) {
	page := well().see(t, "/")
	for _, name := range []string{"console.css", "console.js", "theme.js", "icon.svg"} {
		path, err := assetPath(name)
		if err != nil {
			t.Fatal(err)
		}
		has(t, page, `"`+path+`"`)
	}
	if strings.Contains(page, `.css"`) || strings.Contains(page, `.js"`) {
		t.Error("a file is asked for without its version")
	}
}

// A curve stays between the axes, whatever was counted.
func TestACurveStaysInItsPlace(t *testing.T) {
	for _, h := range []api.History{
		day(), {From: noon, Step: 60, Steps: []api.Rates{{In: 1e12}, {Out: 1e-9}}}, {From: noon, Step: 3600, Steps: make([]api.Rates, 48)},
	} {
		for _, hours := range []int{1, 6, 24} {
			for _, curve := range plot(h, hours).Curves {
				for _, p := range strings.Fields(curve.Points) {
					var x, y float64
					if _, err := sscan(p, &x, &y); err != nil || x < chartLeft || x > chartRight || y < chartTop || y > chartBottom+0.1 || math.IsNaN(x+y) {
						t.Fatalf("%s: %s (%v)", curve.Class, p, err)
					}
				}
			}
		}
	}
}
