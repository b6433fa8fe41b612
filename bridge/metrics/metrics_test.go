package metrics_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/bridge/metrics"
	"github.com/brokerbridge/bridge/bridge/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "customer-4711"

func sample() status.Route {
	return status.Route{
		Name: "orders", State: status.Waiting, Breaker: "open",
		Reason: "source: the queue of " + key + " is gone",
		Sources: []status.End{
			{Broker: "shop", Name: "amqp queue orders", Up: true, Lag: 7},
			{Broker: "shop", Name: "amqp queue late", Reason: "gone", Lag: -1},
		},
		Target: status.End{Broker: "lake", Name: "kafka topic orders", Up: true, Lag: -1, Blocked: true, Reconnects: 4},
		Turns:  map[string]int64{"open": 2, "half-open": 1},
		Mirror: &status.Mirror{Pending: 30, Refused: 31}, Events: &status.Outlet{Dropped: 32}, Replies: &status.Outlet{Dropped: 33},
		Counts: status.Counts{
			Received: 101, InMemory: 12, Held: 10, Confirmed: 21, Delivered: 3, Duplicates: 4, Parked: 5, ParkedEver: 6, ParkedSize: 500,
			Dead: 7, DeadEver: 8, Redriven: 9, Discarded: 10, Archived: 11, Restored: 20, Imported: 12,
			Purged: 13, Expired: 14, Skipped: 15, Unaccounted: 16, Filtered: 17, OpenSkips: 18, Unsent: 19,
			Keys:     map[string]int64{"gap": 1, "waiting": 2, "adopting": 4, "locked": 8, "quarantined": 16, "gap_blocked": 32},
			DeadBy:   map[string]int64{"too_large": 3, "brand_new": 1},
			Failures: map[string]int64{"transient": 5},
		},
		Alarms: []status.Alarm{{Reason: "open_skips", Since: time.Now(), Says: "18 of " + key}},
		Oldest: &status.Oldest{Gap: time.Now().Add(-time.Minute - time.Second/2), Skip: time.Now().Add(-time.Hour - time.Second/2)},
	}
}

func registry(routes ...status.Route) *prometheus.Registry {
	return metrics.New(metrics.Config{
		Routes: func(context.Context) []status.Route { return routes },
		Operations: func(_ context.Context, route string) (map[string]int64, error) {
			return map[string]int64{"stopped": int64(len(route))}, nil
		},
		Latency: took(7), Commits: took(8),
		StoreBytes: func(context.Context) (int64, error) { return 4096, nil },
		StoreFree:  func(context.Context) (int64, error) { return 1 << 20, nil },
		MinFree:    1 << 19,
		ParkMax:    map[string]int64{"orders": 1000},
		Version:    "v1.2.3",
	})
}

// took is a histogram of so many, each of half a second.
func took(n uint64) func(string) (status.Latency, bool) {
	return func(route string) (status.Latency, bool) {
		return status.Latency{Count: n, Sum: float64(n) / 2, Buckets: []status.Bucket{{UpTo: 0.1}, {UpTo: 1, Count: n}}}, route == "orders"
	}
}

// read is every sample of our own, as name{label=value,…} → value.
func read(t *testing.T, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "bridge_") {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				if l.GetValue() != "" {
					labels = append(labels, l.GetName()+"="+l.GetValue())
				}
			}
			out[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + m.GetHistogram().GetSampleSum()
		}
	}
	return out
}

func TestI10EveryTermIsAMetric(t *testing.T) {
	got := read(t, registry(sample()))
	for name, want := range map[string]float64{
		"bridge_messages_received_total{route=orders}":                                                101,
		"bridge_messages_delivered_total{route=orders}":                                               3,
		"bridge_messages_duplicates_total{route=orders}":                                              4,
		"bridge_messages_filtered_total{route=orders}":                                                17,
		"bridge_messages_parked_total{route=orders}":                                                  6,
		"bridge_messages_redriven_total{route=orders}":                                                9,
		"bridge_messages_discarded_total{route=orders}":                                               10,
		"bridge_messages_archived_total{route=orders}":                                                11,
		"bridge_messages_restored_total{route=orders}":                                                20,
		"bridge_messages_imported_total{route=orders}":                                                12,
		"bridge_messages_purged_total{route=orders}":                                                  13,
		"bridge_messages_expired_total{route=orders}":                                                 14,
		"bridge_messages_skipped_total{route=orders}":                                                 15,
		"bridge_parked_messages{route=orders}":                                                        5,
		"bridge_dead_letter_messages{route=orders}":                                                   7,
		"bridge_inflight_messages{route=orders}":                                                      2,
		"bridge_end_to_end_latency_seconds{route=orders}":                                             3.5,
		"bridge_store_commit_duration_seconds{route=orders}":                                          4,
		"bridge_held_messages{route=orders}":                                                          10,
		"bridge_attempts_total{outcome=delivered,route=orders}":                                       21,
		"bridge_breaker_transitions_total{route=orders,state=open,target=lake: kafka topic orders}":   2,
		"bridge_breaker_transitions_total{route=orders,state=closed,target=lake: kafka topic orders}": 0,
		"bridge_reconnects_total{route=orders,source=shop: amqp queue late}":                          0,
		"bridge_reconnects_total{route=orders,target=lake: kafka topic orders}":                       4,
		"bridge_connection_blocked{route=orders,target=lake: kafka topic orders}":                     1,
		"bridge_operations{route=orders,state=stopped}":                                               6,
		"bridge_operations{route=orders,state=done}":                                                  0,
		"bridge_mirror_pending_messages{route=orders}":                                                30,
		"bridge_mirror_refused_total{route=orders}":                                                   31,
		"bridge_events_dropped_total{route=orders}":                                                   32,
		"bridge_replies_dropped_total{route=orders}":                                                  33,
		"bridge_oldest_gap_age_seconds{route=orders}":                                                 60,
		"bridge_unaccounted_messages{route=orders}":                                                   16,
		"bridge_waiting_keys{route=orders}":                                                           15,
		"bridge_quarantined_keys{route=orders}":                                                       48,
		"bridge_messages_dead_lettered_total{reason=too_large,route=orders}":                          3,
		"bridge_messages_dead_lettered_total{reason=brand_new,route=orders}":                          1,
		"bridge_messages_dead_lettered_total{reason=late,route=orders}":                               0,
		"bridge_attempts_total{class=transient,outcome=failed,route=orders}":                          5,
		"bridge_attempts_total{class=permanent,outcome=failed,route=orders}":                          0,
		"bridge_route_state{route=orders,state=waiting}":                                              1,
		"bridge_route_state{route=orders,state=running}":                                              0,
		"bridge_breaker_state{route=orders,state=open,target=lake: kafka topic orders}":               1,
		"bridge_breaker_state{route=orders,state=closed,target=lake: kafka topic orders}":             0,
		"bridge_connection_up{route=orders,source=shop: amqp queue orders}":                           1,
		"bridge_connection_up{route=orders,source=shop: amqp queue late}":                             0,
		"bridge_connection_up{route=orders,target=lake: kafka topic orders}":                          1,
		"bridge_source_lag_messages{route=orders,source=shop: amqp queue orders}":                     7,
		"bridge_store_size_bytes{}":                                                                   4096,
		"bridge_store_free_bytes{}":                                                                   1 << 20,
		"bridge_store_min_free_bytes{}":                                                               1 << 19,
		"bridge_park_bytes{route=orders}":                                                             500,
		"bridge_park_max_bytes{route=orders}":                                                         1000,
		"bridge_open_skips{route=orders}":                                                             18,
		"bridge_unsent_events{route=orders}":                                                          19,
		"bridge_alarm{reason=open_skips,route=orders}":                                                1,
		"bridge_alarm{reason=dead_letters,route=orders}":                                              0,
		"bridge_oldest_skip_age_seconds{route=orders}":                                                3600,
		"bridge_oldest_dead_letter_age_seconds{route=orders}":                                         0,
	} {
		if value, ok := got[name]; !ok || value != want {
			t.Errorf("%s: %v (there: %v), want %v", name, value, ok, want)
		}
	}
	if _, ok := got["bridge_source_lag_messages{route=orders,source=shop: amqp queue late}"]; ok {
		t.Error("an unknown lag is shown")
	}
}

// TestTheTableIsWhatIsServed compares it with what a route that has everything
// shows, in both directions.
func TestTheTableIsWhatIsServed(t *testing.T) {
	families, err := registry(sample()).Gather()
	if err != nil {
		t.Fatal(err)
	}
	served := map[string]metrics.Described{}
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "bridge_") {
			served[f.GetName()] = metrics.Described{Name: f.GetName(), Type: strings.ToLower(f.GetType().String()), Says: f.GetHelp()}
		}
	}
	table := metrics.Table()
	for _, d := range table {
		s, ok := served[d.Name]
		if !ok || s.Type != d.Type || s.Says != d.Says {
			t.Errorf("the table has %+v, served is %+v", d, s)
		}
		delete(served, d.Name)
	}
	for name := range served {
		t.Errorf("%s is served and not in the table", name)
	}
	if !slices.IsSortedFunc(table, func(a, b metrics.Described) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the table is not sorted")
	}
}

func TestI11LabelsAreFewAndNeverAKey(t *testing.T) {
	allowed := []string{"route", "source", "target", "reason", "class", "state", "outcome"}
	families, err := registry(sample()).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "bridge_") || f.GetName() == "bridge_build_info" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if !slices.Contains(allowed, l.GetName()) || strings.Contains(l.GetValue(), key) {
					t.Errorf("%s has label %s=%q", f.GetName(), l.GetName(), l.GetValue())
				}
			}
		}
	}
}

func TestNamesAndHelpPassTheLinter(t *testing.T) {
	families, err := registry(sample()).Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// While the ledger is out of reach its counters are absent: a fall to 0 would
// read as a restart, and the return as all messages ever, at once.
func TestUnknownCountsAreAbsent(t *testing.T) {
	r := sample()
	r.Counts = status.Counts{Received: 9}
	got := read(t, registry(r))
	if got["bridge_messages_received_total{route=orders}"] != 9 {
		t.Error("received is missing")
	}
	for name := range got {
		if strings.HasPrefix(name, "bridge_messages_delivered") || strings.HasPrefix(name, "bridge_unaccounted") {
			t.Errorf("%s is there", name)
		}
	}
}

// One metric that cannot be had does not hide the others.
func TestABrokenStoreDoesNotHideTheRoutes(t *testing.T) {
	r := metrics.New(metrics.Config{
		Routes:     func(context.Context) []status.Route { return []status.Route{sample()} },
		StoreBytes: func(context.Context) (int64, error) { return 0, errors.New("the disk is gone") },
	})
	w := httptest.NewRecorder()
	metrics.Handler(r, slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, "bridge_messages_received_total") || !strings.Contains(body, "go_goroutines") {
		t.Errorf("%d\n%s", w.Code, body)
	}
}

// A name with bytes that are no text must not cost the whole scrape.
func TestLabelsAreAlwaysText(t *testing.T) {
	r := sample()
	r.Target.Name = "topic \xff"
	if got := read(t, registry(r)); got["bridge_connection_up{route=orders,target=lake: topic �}"] != 1 {
		t.Error(got)
	}
}

// TestLimitsThatAreNotSetAreAbsent: a limit of 0 would read as one that is passed.
func TestLimitsThatAreNotSetAreAbsent(t *testing.T) {
	r := metrics.New(metrics.Config{
		Routes:    func(context.Context) []status.Route { return []status.Route{sample()} },
		StoreFree: func(context.Context) (int64, error) { return 0, nil }, // unknown
	})
	for name := range read(t, r) {
		for _, absent := range []string{"bridge_store_free_bytes", "bridge_store_min_free_bytes", "bridge_park_max_bytes", "bridge_store_size_bytes"} {
			if strings.HasPrefix(name, absent) {
				t.Errorf("%s is there", name)
			}
		}
	}
}
