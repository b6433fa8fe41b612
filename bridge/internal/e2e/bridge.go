package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/e2e/child"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 30 * time.Second
	logShown     = 20_000 // bytes of it, when a test fails
)

// Options are what a bridge is started with.
type Options struct {
	Routes     string // YAML below "routes:"; see [Route]
	Dir        string // of the store; empty: one of its own
	AMQP       string // URL of RabbitMQ, if it is not the usual one
	Kafka      string // address of Kafka, likewise
	Heartbeat  string // of RabbitMQ, "2s", if it is not the default
	Client     string // of both brokers, if it is not the bridge's own
	Admin      string // further settings of the admin address, "read_only: true"
	Token      string // what the test's own requests carry; empty: none
	Failpoints bool   // the binary that can be told to crash; see [Bridge.Run]
}

// Bridge is the binary, a topology file, a store and an address. It can be
// stopped, killed and started again.
type Bridge struct {
	t    testing.TB
	path string
	file string
	dir  string
	addr string
	log  string
	pass string // the token
	*child.Process
	crashes int
}

// Start runs a bridge and waits until it answers. It ends with the test; if that
// fails, what the bridge said is shown.
func Start(t testing.TB, opts Options) *Bridge {
	t.Helper()
	b := Prepare(t, opts)
	b.Run(nil)
	b.AwaitAlive()
	return b
}

// Prepare writes what a bridge needs and does not run it.
func Prepare(t testing.TB, opts Options) *Bridge {
	t.Helper()
	home := t.TempDir()
	b := &Bridge{
		t: t, path: binary(t, opts.Failpoints), addr: rig.Address(t), dir: opts.Dir, pass: opts.Token,
		file: filepath.Join(home, "topology.yaml"), log: filepath.Join(home, "bridge.log"),
	}
	if b.dir == "" {
		b.dir = filepath.Join(home, "store")
	}
	if err := os.WriteFile(b.file, []byte(topology(t, b.dir, b.addr, opts)), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.end)
	return b
}

// Run starts the process, with more environment and more arguments, and does
// not wait until it answers.
func (b *Bridge) Run(env []string, args ...string) {
	b.t.Helper()
	log, err := os.OpenFile(b.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	b.Process, err = child.Start(log, env, b.path, append([]string{"run", "-c", b.file}, args...)...)
	if err != nil {
		b.t.Fatal(err)
	}
}

// Restart starts it again after it has ended, and waits until it answers.
func (b *Bridge) Restart(args ...string) {
	b.t.Helper()
	if b.Running() {
		b.t.Fatal("the bridge still runs")
	}
	b.Run(nil, args...)
	b.AwaitAlive()
}

// Stop asks it to end, as a service manager does, and returns its exit code and
// how long it took.
func (b *Bridge) Stop() (code int, took time.Duration) {
	b.t.Helper()
	began := time.Now()
	b.send(syscall.SIGTERM)
	if !b.Wait(stopTimeout) {
		b.send(syscall.SIGQUIT) // it says where it hangs
		b.Wait(5 * time.Second)
		b.t.Fatalf("the bridge did not end within %v", stopTimeout)
	}
	return b.Code(), time.Since(began)
}

func (b *Bridge) send(s syscall.Signal) {
	b.t.Helper()
	if err := b.Signal(s); err != nil {
		b.t.Error(err)
	}
}

// Kill ends it at once, as a crash does.
func (b *Bridge) Kill() {
	b.t.Helper()
	b.send(syscall.SIGKILL)
	b.AwaitCrash()
}

// AwaitCrash waits until the process has ended by a signal.
func (b *Bridge) AwaitCrash() {
	b.t.Helper()
	if !b.Wait(stopTimeout) {
		b.t.Fatal("the bridge did not crash")
	}
	if b.Code() != -1 {
		b.t.Fatalf("the bridge ended by itself, with %d", b.Code())
	}
	b.crashes++
}

// Crashes is how often it was killed.
func (b *Bridge) Crashes() int { return b.crashes }

// Log is what it said so far, in all its runs.
func (b *Bridge) Log() string {
	text, err := os.ReadFile(b.log)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

// end is the last resort of a cleanup.
func (b *Bridge) end() {
	if b.Process != nil {
		b.send(syscall.SIGKILL)
		b.Wait(stopTimeout)
	}
	if !b.t.Failed() {
		return
	}
	text, _ := os.ReadFile(b.log)
	if cut := len(text) - logShown; cut > 0 {
		text = append([]byte("[…] "), text[cut:]...)
	}
	b.t.Logf("the bridge said:\n%s", text)
}

// topology is a whole file.
func topology(t testing.TB, dir, addr string, opts Options) string {
	var b strings.Builder
	fmt.Fprintf(&b, "brokers:\n  shop: { amqp: { url: %q%s }%s }\n",
		or(opts.AMQP, rig.AMQP(t)), text("heartbeat", opts.Heartbeat), text("client", opts.Client))
	fmt.Fprintf(&b, "  lake: { kafka: { brokers: %q }%s }\n", or(opts.Kafka, strings.Join(rig.Kafka(t), ",")), text("client", opts.Client))
	fmt.Fprintf(&b, "store: { pebble: { dir: %q }, min_free: 64MiB }\n", dir)
	fmt.Fprintf(&b, "admin: { listen: %q%s }\n", addr, more(opts.Admin))
	b.WriteString("routes:\n" + opts.Routes)
	return b.String()
}
