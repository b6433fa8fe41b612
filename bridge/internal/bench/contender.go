package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// contender is one that is measured.
type contender struct {
	name  string
	probe int // messages of its first calibration: about a second's
	// start begins to move the scene's messages. What it says goes to words.
	start func(ctx context.Context, s *stage, p plan, sc scene, words *os.File) (mover, error)
	// target names its target, where it has no choice; nil: any name will do.
	target func(sc scene) string
	// left counts what it has not acknowledged, where the source does not know;
	// nil: the source knows.
	left func(ctx context.Context, s *stage, sc scene) (int, error)
	// clear removes what it has made for itself; nil: nothing.
	clear func(ctx context.Context, s *stage, sc scene) error
}

var (
	rawLoop   = contender{name: "raw loop", probe: 60_000, start: startRaw}
	theBridge = contender{name: "bridge", probe: 60_000, start: startBridge}
)

func startRaw(_ context.Context, s *stage, p plan, sc scene, words *os.File) (mover, error) {
	return startProcess(sc, words, s.self, "-raw", sc.errand(p).String())
}

func startBridge(_ context.Context, s *stage, p plan, sc scene, words *os.File) (mover, error) {
	file := filepath.Join(s.dir, sc.name+".yaml")
	if err := os.WriteFile(file, []byte(topology(s.dir, p, sc)), 0o600); err != nil {
		return nil, err
	}
	command := []string{s.bridge, "run", "-c", file}
	if p.Profile != "" {
		command = append(command, "--cpu-profile", p.Profile)
	}
	return startServer(sc, words, 0, command...)
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
  - name: bench
    from: { %s }
    to: { %s }
    order: { by: revision, key: %s, revision: header.%s, first: 1 }
`, amqpURL(), strings.Join(kafkaAddrs(), ","), filepath.Join(dir, sc.name),
		fields(sc.from.from(), window), fields(sc.to.to()), sc.from.key(), revisionHeader)
}

func fields(all ...string) string { return strings.TrimSuffix(strings.Join(all, ", "), ", ") }
