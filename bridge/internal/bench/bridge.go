package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
)

// theBridge is the bridge as users run it.
var theBridge = bridgeAs("bridge", nil)

// bridgeAs is the bridge under conditions of its own.
func bridgeAs(name string, vary func(plan) plan) contender {
	return contender{name: name, probe: 60_000, vary: vary, start: startBridge, note: noteParked, clear: clearStore}
}

// routeName is the bridge's only route.
const routeName = "bench"

func startBridge(_ context.Context, s *stage, p plan, sc scene, words *os.File) (mover, error) {
	file := filepath.Join(s.dir, sc.name+".yaml")
	if err := os.WriteFile(file, []byte(topology(s.dir, p, sc)), 0o600); err != nil {
		return nil, err
	}
	command := []string{s.bridge, "run", "-c", file}
	if p.Profile != "" {
		command = append(command, "--cpu-profile", p.Profile)
	}
	b := &bridge{words: words.Name(), began: time.Now()}
	var err error
	b.process, err = startServer(sc, words, 0, command...)
	return b, err
}

// topology has the bridge's defaults but for the names and the window. A broker
// that no route names is no fault.
func topology(dir string, p plan, sc scene) string {
	window := ""
	if p.Window > 0 {
		window = fmt.Sprintf("window: %d", p.Window)
	}
	return fmt.Sprintf(`
brokers:
  shop: { amqp: { url: %q } }
  lake: { kafka: { brokers: %q } }
store: { pebble: { dir: %q } }
admin: { listen: 127.0.0.1:0 }
routes:
  - name: %s
    from: { %s }
    to: { %s }
    order: { %s }
    %s
`, amqpURL(), strings.Join(kafkaAddrs(), ","), storeDir(dir, sc), routeName,
		fields(sc.from.from(), window), fields(sc.to.to()),
		fields(orderBy(p, sc), p.Order), p.Route)
}

// orderBy is the order of the bridge's route.
func orderBy(p plan, sc scene) string {
	switch {
	case p.By == "":
		return fmt.Sprintf("by: revision, key: %s, revision: header.%s, first: 1", sc.from.key(), load.RevisionHeader)
	case strings.HasPrefix(p.By, "arrival"):
		return "by: " + p.By + ", key: " + sc.from.key()
	}
	return "by: " + p.By
}

func fields(all ...string) string { return strings.TrimSuffix(strings.Join(all, ", "), ", ") }

func storeDir(dir string, sc scene) string { return filepath.Join(dir, sc.name) }

// noteParked notes what the store has counted.
func noteParked(ctx context.Context, s *stage, sc scene, m *measure) error {
	st, err := pebble.Open(storeDir(s.dir, sc), pebble.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	ledger, err := st.Ledger(ctx, routeName)
	m.Parked = int(ledger.ParkedTotal)
	return errors.Join(err, st.Close())
}

func clearStore(_ context.Context, s *stage, sc scene) error {
	return os.RemoveAll(storeDir(s.dir, sc))
}

// bridge is the bridge at work.
type bridge struct {
	*process

	words string // the file that has what it says
	began time.Time
	ready time.Duration // after its beginning; 0: not yet
}

func (b *bridge) look(begun bool) error {
	if b.ready == 0 && b.isReady() {
		b.ready = time.Since(b.began)
	}
	return b.process.look(begun)
}

func (b *bridge) cost() cost {
	all := b.process.cost()
	all.ready = b.ready
	return all
}

// healthURL is where the bridge says that it can be asked how it is.
var healthURL = regexp.MustCompile(`http://[0-9.:]+/readyz`)

func (b *bridge) isReady() bool {
	said, _ := os.ReadFile(b.words)
	url := healthURL.Find(said)
	if url == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, string(url), nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}
