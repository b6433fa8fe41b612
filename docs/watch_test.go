package docs_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/brokerbridge/bridge/bridge/metrics"
)

const (
	dashboardFile = "configs/grafana/bridge.json"
	rulesFile     = "configs/prometheus/alerts.yaml"
	rulesTests    = "configs/prometheus/alerts_test.yaml"
	runbook       = "docs/alerts.md"
)

// dashboard is what of Grafana's file a test looks at.
type dashboard struct {
	Schema     int `json:"schemaVersion"`
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
	Panels []panel
}

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ H, W, X, Y int }
	Targets                  []struct{ Expr string }
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, filepath.Join(root, dashboardFile))), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Panels) < 30 {
		t.Fatalf("only %d panels were found", len(d.Panels))
	}
	return d
}

// rule is one of Prometheus' alerts.
type rule struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func readRules(t *testing.T) []rule {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string
			Rules []rule
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, filepath.Join(root, rulesFile))), &file); err != nil {
		t.Fatal(err)
	}
	var all []rule
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) < 20 {
		t.Fatalf("only %d rules were found", len(all))
	}
	return all
}

// foreign are the metrics that are not ours, and beside the labels of each those
// that Prometheus adds.
var (
	foreign = regexp.MustCompile(`^(up|(go|process)_\w+)$`)
	added   = []string{"job", "instance"}
)

var (
	quoted   = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	selector = regexp.MustCompile(`([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\}|\[|[^\w:({\s]|\s|$)`)
	matcher  = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)`)
	grouped  = regexp.MustCompile(`\b(?:by|without|on|ignoring)\s*\(([^)]*)\)`)
	words    = []string{"by", "without", "on", "ignoring", "and", "or", "unless", "bool", "offset"}
	suffix   = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// use is a metric in an expression, with the labels that it is selected by.
type use struct {
	metric string
	labels []string
}

// uses takes an expression of PromQL apart: the metrics in it, and the labels it
// groups by. It knows as much of the language as our files use; whether an
// expression can be evaluated a real Prometheus says, in package e2e.
func uses(expr string) (all []use, groups []string) {
	expr = quoted.ReplaceAllString(expr, `""`)
	expr = strings.ReplaceAll(expr, "$__rate_interval", "5m")
	for _, m := range grouped.FindAllStringSubmatch(expr, -1) {
		for label := range strings.SplitSeq(m[1], ",") {
			groups = append(groups, strings.TrimSpace(label))
		}
	}
	expr = grouped.ReplaceAllString(expr, " ")
	for _, m := range selector.FindAllStringSubmatch(expr, -1) {
		if slices.Contains(words, m[1]) || !strings.Contains(m[1], "_") && m[1] != "up" {
			continue
		}
		u := use{metric: m[1]}
		for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
			u.labels = append(u.labels, l[1])
		}
		all = append(all, u)
	}
	return all, groups
}

func TestExpressionsAreTakenApart(t *testing.T) {
	all, groups := uses(`histogram_quantile(0.99, sum by (le, route) (rate(a_b_bucket{x=~"y{z", w!="v"}[5m]))) > 2 * c_d or up == 0 and on(q) e_f`)
	want := "[{a_b_bucket [x w]} {c_d []} {up []} {e_f []}] [le route q]"
	if got := fmt.Sprint(all, " ", groups); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// served are our metrics with the labels that each has.
func served() map[string][]string {
	all := map[string][]string{}
	for _, m := range metrics.Table() {
		if m.Type != "histogram" {
			all[m.Name] = m.Labels
			continue
		}
		all[m.Name+"_sum"], all[m.Name+"_count"] = m.Labels, m.Labels
		all[m.Name+"_bucket"] = append(slices.Clone(m.Labels), "le")
	}
	return all
}

// judge says what an expression uses that there is not, and returns the metrics in
// it.
func judge(t *testing.T, where, expr string) (used []string) {
	t.Helper()
	known := served()
	all, groups := uses(expr)
	var labels []string
	for _, u := range all {
		has, ours := known[u.metric]
		if !ours && !foreign.MatchString(u.metric) {
			t.Errorf("%s uses %s, which is not served", where, u.metric)
		}
		for _, l := range u.labels {
			if !slices.Contains(has, l) && !slices.Contains(added, l) {
				t.Errorf("%s: %s has no label %s", where, u.metric, l)
			}
		}
		labels = append(labels, has...)
		used = append(used, suffix.ReplaceAllString(u.metric, ""))
	}
	for _, l := range groups {
		if !slices.Contains(labels, l) && !slices.Contains(added, l) {
			t.Errorf("%s groups by %s, which nothing in it has", where, l)
		}
	}
	if len(all) == 0 {
		t.Errorf("%s uses no metric", where)
	}
	return used
}

// contract are the metrics that were promised, under these names.
var contract = strings.Fields(`
	bridge_messages_received_total bridge_messages_delivered_total bridge_messages_duplicates_total bridge_messages_parked_total
	bridge_messages_dead_lettered_total bridge_messages_redriven_total bridge_messages_skipped_total bridge_messages_discarded_total
	bridge_messages_archived_total bridge_messages_returned_total bridge_messages_imported_total bridge_messages_purged_total
	bridge_messages_expired_total bridge_attempts_total bridge_parked_messages bridge_dead_letter_messages bridge_inflight_messages
	bridge_held_messages bridge_unaccounted_messages bridge_waiting_keys bridge_quarantined_keys bridge_open_skips
	bridge_oldest_gap_age_seconds bridge_oldest_parked_age_seconds bridge_oldest_dead_letter_age_seconds
	bridge_oldest_skip_age_seconds bridge_source_lag_messages bridge_breaker_state bridge_connection_up
	bridge_end_to_end_latency_seconds bridge_store_commit_duration_seconds bridge_store_size_bytes`)

// TestThePromisedMetricsAreServed, or the page says why one is not.
func TestThePromisedMetricsAreServed(t *testing.T) {
	_, missing, found := strings.Cut(read(t, filepath.Join(root, "docs", "metrics.md")), "\n## What is not there\n")
	missing, _, ends := strings.Cut(missing, "\n## ")
	if !found || !ends {
		t.Fatal("docs/metrics.md does not say what is not there")
	}
	names := map[string]bool{}
	for _, m := range metrics.Table() {
		names[m.Name] = true
	}
	for _, name := range contract {
		if told := strings.Contains(missing, "\n| `"+name+"` |"); told == names[name] {
			t.Errorf("%s: served %v, said to be missing %v", name, names[name], told)
		}
	}
}

// TestTheDashboardShowsWhatThereIs: each panel shows what is served and says what is
// normal; each metric is on a panel.
func TestTheDashboardShowsWhatThereIs(t *testing.T) {
	d := readDashboard(t)
	if d.Schema < 39 {
		t.Errorf("the schema %d is older than Grafana 11", d.Schema)
	}
	shown := map[string]bool{}
	for _, p := range d.Panels {
		if p.Type == "row" {
			continue
		}
		if !strings.Contains(p.Description, "ormal") || len(p.Targets) == 0 {
			t.Errorf("%q does not say what is normal, or shows nothing: %q", p.Title, p.Description)
		}
		for _, target := range p.Targets {
			for _, m := range judge(t, p.Title, target.Expr) {
				shown[m] = true
			}
			if strings.Contains(target.Expr, `{route`) != strings.Contains(target.Expr, `{route=~"$route"`) {
				t.Errorf("%q does not ask for the chosen routes: %s", p.Title, target.Expr)
			}
		}
	}
	for _, m := range metrics.Table() {
		if !shown[m.Name] {
			t.Errorf("%s is on no panel", m.Name)
		}
	}
	var variables []string
	for _, v := range d.Templating.List {
		variables = append(variables, v.Name+" "+v.Type)
	}
	if !slices.Equal(variables, []string{"datasource datasource", "route query"}) {
		t.Errorf("the variables are %q", variables)
	}
}

// TestPanelsDoNotOverlap, and each has a number of its own.
func TestPanelsDoNotOverlap(t *testing.T) {
	taken, ids := map[[2]int]string{}, map[int]bool{}
	for _, p := range readDashboard(t).Panels {
		if ids[p.ID] || p.GridPos.W == 0 || p.GridPos.H == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%q: id %d, at %+v", p.Title, p.ID, p.GridPos)
		}
		ids[p.ID] = true
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if other := taken[at]; other != "" {
					t.Fatalf("%q lies on %q", p.Title, other)
				}
				taken[at] = p.Title
			}
		}
	}
}

// TestAlertsSayWhatToDo: each uses what is served, says how bad it is and what it
// means, names a command that there is, and leads to its own section of the runbook;
// a section has an alert.
func TestAlertsSayWhatToDo(t *testing.T) {
	program, sections, texts := built(t), anchors(read(t, filepath.Join(root, runbook))), map[string]string{}
	const at = "https://github.com/brokerbridge/bridge/blob/main/" + runbook + "#"
	wanted := map[string]bool{}
	for _, r := range readRules(t) {
		judge(t, r.Alert, r.Expr)
		wanted[strings.ToLower(r.Alert)] = true
		a := r.Annotations
		if s := r.Labels["severity"]; s != "critical" && s != "warning" || a["summary"] == "" || a["description"] == "" {
			t.Errorf("%s: severity %q, summary %q, description %q", r.Alert, s, a["summary"], a["description"])
		}
		line, isOurs := strings.CutPrefix(a["command"], "bridge ")
		if !isOurs {
			t.Errorf("%s: the command is %q", r.Alert, a["command"])
		}
		isThere(t, program, texts, r.Alert, line)
		if anchor, ok := strings.CutPrefix(a["runbook_url"], at); !ok || anchor != strings.ToLower(r.Alert) || !slices.Contains(sections, anchor) {
			t.Errorf("%s: its runbook is %q", r.Alert, a["runbook_url"])
		}
	}
	for _, s := range sections {
		if strings.HasPrefix(s, "bridge") && !wanted[s] {
			t.Errorf("%s has a section %s, and there is no such alert", runbook, s)
		}
	}
}

// TestSectionsOfTheRunbookAreWhole: each says what it means, whether it is dangerous,
// what to look at and what to do.
func TestSectionsOfTheRunbookAreWhole(t *testing.T) {
	for _, section := range strings.Split(read(t, filepath.Join(root, runbook)), "\n### ")[1:] {
		name, _, _ := strings.Cut(section, "\n")
		for _, part := range []string{"Means", "Dangerous", "Look at", "Do"} {
			if !strings.Contains(section, "\n- **"+part+"**: ") {
				t.Errorf("%s does not say: %s", name, part)
			}
		}
	}
}

// TestEachAlertHasItsTest in the file that `promtool test rules` runs: series with
// which it fires, and others with which it does not.
func TestEachAlertHasItsTest(t *testing.T) {
	var file struct {
		Tests []struct {
			Name   string
			Series []struct{ Series string } `yaml:"input_series"`
			Exprs  []struct {
				Expr    string
				Samples []struct{ Labels string } `yaml:"exp_samples"`
			} `yaml:"promql_expr_test"`
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, filepath.Join(root, rulesTests))), &file); err != nil {
		t.Fatal(err)
	}
	tested := map[string]bool{}
	for _, test := range file.Tests {
		name, _, _ := strings.Cut(test.Name, ",")
		if len(test.Exprs) != 1 || !strings.Contains(test.Exprs[0].Expr, fmt.Sprintf("ALERTS{alertname=%q, alertstate=\"firing\"}", name)) {
			t.Errorf("%s asks for something else: %+v", test.Name, test.Exprs)
			continue
		}
		var others int
		for _, s := range test.Series {
			if strings.Contains(s.Series, "good") {
				others++
			}
		}
		tested[name] = tested[name] || others > 0 && len(test.Exprs[0].Samples) > 0
	}
	rules := map[string]bool{}
	for _, r := range readRules(t) {
		rules[r.Alert] = true
		if !tested[r.Alert] {
			t.Errorf("no test has %s fire for one and not for another", r.Alert)
		}
	}
	for name := range maps.Keys(tested) {
		if !rules[name] {
			t.Errorf("%s is tested and is no alert", name)
		}
	}
}
