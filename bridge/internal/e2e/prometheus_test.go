package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/bridge/metrics"
)

// TestPrometheus_FilesAreRight has Prometheus' own tool look at our configuration and
// rules, and evaluate each rule over series with which it fires, and others.
func TestPrometheus_FilesAreRight(t *testing.T) {
	t.Parallel()
	e2e.Promtool(t, "", "check", "config", "prometheus.yaml")
	e2e.Promtool(t, "", "check", "rules", "--lint-fatal", "alerts.yaml")
	e2e.Promtool(t, "", "test", "rules", "alerts_test.yaml")
}

// TestPrometheus_WatchesABridge has a real Prometheus scrape a bridge of which one
// route gets a message that nobody can order and is then paused, and the other one
// has no target: what is scraped is what the documents say, the alerts fire, and
// every panel of the dashboard can be drawn.
func TestPrometheus_WatchesABridge(t *testing.T) {
	t.Parallel()
	from, lost, mirror := rig.Queue(t), rig.Queue(t), rig.Queue(t)
	rest := fmt.Sprintf("park: { max_bytes: 1GiB }\nevents: { to: { broker: lake, topic: %q } }\n"+
		"dead_letter: { reply: true, to: { broker: shop, queue: %q } }", rig.Topic(t, 1), mirror)
	b := e2e.Start(t, e2e.Options{Routes: e2e.Route{From: e2e.Queues(from), To: e2e.Topic(rig.Topic(t, 1)), Rest: rest}.String() +
		e2e.Route{Name: "lost", From: e2e.Queues(lost), To: e2e.Topic(rig.Name(t)), Rest: "breaker: { min: 1, open_for: 1h }"}.String()})
	p := e2e.Watch(t, b)
	rig.Publish(t, from, ordered("a", 1), ordered("a", 2))
	served(t, b, p)

	rig.Publish(t, from, amqp.Publishing{Body: []byte("whose?")})
	rig.Publish(t, lost, ordered("a", 1))
	fires(t, p, "BridgeDeadLetters", "route=orders", "reason=key_missing")
	fires(t, p, "BridgeConnectionDown", "route=lost")
	fires(t, p, "BridgeBreakerOpen", "route=lost")
	fires(t, p, "BridgeRouteNotRunning", "route=lost", "state=waiting")
	b.Must("routes", "pause", "orders", "--reason", "a test")
	fires(t, p, "BridgeRoutePaused", "route=orders")
	drawn(t, p)
	for _, name := range []string{"BridgeUnaccounted", "BridgeAbsent", "BridgeStoreSpace", "BridgeAlarm", "BridgeConnectionBlocked"} {
		if p.Firing(name) {
			t.Errorf("%s fires", name)
		}
	}
	stopped(t, b)
	fires(t, p, "BridgeAbsent")
}

// fires waits for an alert.
func fires(t *testing.T, p *e2e.Prometheus, name string, labels ...string) {
	t.Helper()
	e2e.Await(t, fmt.Sprint(name, labels, " to fire"), settleTimeout, func() (string, bool) {
		all, err := p.Alerts()
		return fmt.Sprint(all, err), p.Firing(name, labels...)
	})
}

// served compares the names that Prometheus has with the table in the documents, in
// both directions, and has promtool look at a scrape.
func served(t *testing.T, b *e2e.Bridge, p *e2e.Prometheus) {
	t.Helper()
	var want []string
	for _, m := range metrics.Table() {
		if m.Type == "histogram" {
			want = append(want, m.Name+"_bucket", m.Name+"_count", m.Name+"_sum")
		} else {
			want = append(want, m.Name)
		}
	}
	e2e.Await(t, "all metrics to be scraped", settleTimeout, func() (string, bool) {
		names, err := p.Names()
		ours := slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, "bridge_") })
		return fmt.Sprintf("%v; missing %v, unknown %v", err, without(want, ours), without(ours, want)), len(ours) == len(want) && len(without(want, ours)) == 0
	})
	text, _ := b.Scrape()
	if said := e2e.Promtool(t, text, "check", "metrics"); strings.Contains(said, "bridge_") {
		t.Error(said)
	}
}

func without(all, others []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(others, s) })
}

// sometimes are panels that rightly show nothing in this test.
var sometimes = []string{"Operations", "Reconnects", "Alarms"}

// drawn evaluates what the dashboard asks for, with its variables filled in.
func drawn(t *testing.T, p *e2e.Prometheus) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(rig.Root(), "configs", "grafana", "bridge.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	variables := strings.NewReplacer("$route", ".*", "$__rate_interval", "1m")
	for _, panel := range dashboard.Panels {
		series := 0
		for _, target := range panel.Targets {
			n, err := p.Query(variables.Replace(target.Expr))
			if err != nil {
				t.Errorf("%q: %s: %v", panel.Title, target.Expr, err)
			}
			series += n
		}
		if series == 0 && len(panel.Targets) > 0 && !slices.Contains(sometimes, panel.Title) {
			t.Errorf("%q shows nothing", panel.Title)
		}
	}
}
