package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e/child"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// Prometheus is a real one that watches a bridge with the files of configs.
type Prometheus struct {
	t    testing.TB
	addr string
}

// prometheusFiles are where its configuration and its rules are.
func prometheusFiles() string { return filepath.Join(rig.Root(), "configs", "prometheus") }

// Promtool runs Prometheus' tool beside its files and returns what it said. What
// it does not like fails the test.
func Promtool(t testing.TB, in string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), installed(t, "promtool"), args...)
	cmd.Dir, cmd.Stdin = prometheusFiles(), strings.NewReader(in)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func installed(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%v: apt-get install prometheus", err)
	}
	return path
}

var (
	waits    = regexp.MustCompile(`(?m)^( +for: ).*$`)
	interval = regexp.MustCompile(`(_interval: )\d+s`)
)

// Watch starts a Prometheus that looks at a bridge every second, and whose alerts
// wait for a second instead of minutes. It ends with the test.
func Watch(t testing.TB, b *Bridge) *Prometheus {
	t.Helper()
	dir, p := t.TempDir(), &Prometheus{t: t, addr: rig.Address(t)}
	rewritten(t, dir, "alerts.yaml", func(text string) string { return waits.ReplaceAllString(text, "${1}1s") })
	rewritten(t, dir, "prometheus.yaml", func(text string) string {
		return interval.ReplaceAllString(strings.Replace(text, "127.0.0.1:8321", b.Address(), 1), "${1}1s")
	})
	log, err := os.Create(filepath.Join(dir, "prometheus.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	run, err := child.Start(log, nil, installed(t, "prometheus"), "--config.file="+filepath.Join(dir, "prometheus.yaml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+p.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = run.Signal(syscall.SIGKILL)
		run.Wait(stopTimeout)
		if said, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("Prometheus said:\n%s", said)
		}
	})
	Await(t, "Prometheus", startTimeout, func() (string, bool) {
		_, err := p.get("/-/ready", nil)
		return fmt.Sprint(err), err == nil
	})
	return p
}

func rewritten(t testing.TB, dir, name string, change func(string) string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(prometheusFiles(), name))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(change(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (p *Prometheus) get(path string, query url.Values) ([]byte, error) {
	client := http.Client{Timeout: askTimeout}
	res, err := client.Get("http://" + p.addr + path + "?" + query.Encode())
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, body)
	}
	return body, err
}

// ask reads an answer of its API.
func (p *Prometheus) ask(path string, query url.Values, into any) error {
	body, err := p.get("/api/v1/"+path, query)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, &struct{ Data any }{into})
}

// Alert is one that is pending or fires.
type Alert struct {
	State               string
	Labels, Annotations map[string]string
}

// Alerts are those that are pending or fire.
func (p *Prometheus) Alerts() ([]Alert, error) {
	var all struct{ Alerts []Alert }
	err := p.ask("alerts", nil, &all)
	return all.Alerts, err
}

// Firing reports whether an alert fires with all of the labels, each written
// name=value.
func (p *Prometheus) Firing(name string, labels ...string) bool {
	all, err := p.Alerts()
	if err != nil {
		return false
	}
next:
	for _, a := range all {
		if a.Labels["alertname"] != name || a.State != "firing" {
			continue
		}
		for _, l := range labels {
			if label, value, _ := strings.Cut(l, "="); a.Labels[label] != value {
				continue next
			}
		}
		return true
	}
	return false
}

// Names are the metrics that it has of bridges.
func (p *Prometheus) Names() (all []string, err error) {
	err = p.ask("label/__name__/values", url.Values{"match[]": {`{job="bridge"}`}}, &all)
	return all, err
}

// Query evaluates an expression now, and returns how many series it has.
func (p *Prometheus) Query(expr string) (int, error) {
	var out struct{ Result []json.RawMessage }
	err := p.ask("query", url.Values{"query": {expr}}, &out)
	return len(out.Result), err
}
