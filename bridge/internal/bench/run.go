package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/brokerbridge/bridge/bridge/internal/e2e/child"
)

const (
	calibration = 60_000
	atMost      = 1_000_000 // messages of a run
)

// contender starts one of the two on a scene; it ends by itself, or is told to.
type contender struct {
	name  string
	start func(s *stage, p plan, sc scene, words *os.File) (*child.Process, error)
	tell  bool // it runs until it is told to end
}

var (
	rawLoop   = contender{name: "raw loop", start: startRaw}
	theBridge = contender{name: "bridge", start: startBridge, tell: true}
)

func startRaw(s *stage, p plan, sc scene, words *os.File) (*child.Process, error) {
	return child.Start(words, nil, s.self, rawArgs(p, sc)...)
}

func rawArgs(p plan, sc scene) []string {
	return []string{"-raw", fmt.Sprintf("%s:%s,%s:%s,%d", sc.way.From, sc.source(), sc.way.To, sc.target(), p.Messages)}
}

func startBridge(s *stage, _ plan, sc scene, words *os.File) (*child.Process, error) {
	file := filepath.Join(s.dir, sc.name+".yaml")
	if err := os.WriteFile(file, []byte(topology(s.dir, sc)), 0o600); err != nil {
		return nil, err
	}
	return child.Start(words, nil, s.bridge, "run", "-c", file)
}

// topology has the bridge's defaults but for the names. A broker that no route
// names is no fault.
func topology(dir string, sc scene) string {
	return fmt.Sprintf(`
brokers:
  shop: { amqp: { url: %q } }
  lake: { kafka: { brokers: %q } }
store: { pebble: { dir: %q } }
admin: { listen: 127.0.0.1:0 }
routes:
  - name: bench
    from: %s
    to: %s
    order: { by: revision, key: %s, revision: header.%s, first: 1 }
`, amqpURL(), strings.Join(kafkaAddrs(), ","), filepath.Join(dir, sc.name), sc.from.from(), sc.to.to(), sc.from.key(), revisionHeader)
}

// run lets a contender move a full source, and measures and checks it.
func (s *stage) run(ctx context.Context, p plan, way direction, c contender) (m measure, err error) {
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	sc, err := s.open(ctx, p, way)
	defer func() {
		if err = errors.Join(err, sc.drop()); err != nil {
			err = fmt.Errorf("%s: %w", c.name, err)
		}
	}()
	if err != nil {
		return m, err
	}
	watched, err := s.move(ctx, p, c, sc, &m)
	if err != nil {
		return m, err
	}
	if m.Left, err = sc.from.left(ctx); err != nil {
		return m, err
	}
	return m, m.check(ctx, p, sc.to, watched)
}

// move runs the child from its start to its end, and notes its CPU.
func (s *stage) move(ctx context.Context, p plan, c contender, sc scene, m *measure) (watched looks, err error) {
	words, err := os.Create(filepath.Join(s.dir, sc.name+".log"))
	if err != nil {
		return watched, err
	}
	defer func() { _ = words.Close() }()
	process, err := c.start(s, p, sc, words)
	if err != nil {
		return watched, err
	}
	watched, err = watch(ctx, sc.to, p.Messages, process)
	if c.tell || err != nil {
		_ = process.Signal(syscall.SIGTERM)
	}
	if !process.Wait(childTimeout) {
		_ = process.Signal(syscall.SIGKILL)
		process.Wait(childTimeout)
	}
	if err == nil && process.Code() != 0 {
		err = fmt.Errorf("ended with %d", process.Code())
	}
	if err != nil {
		said, _ := os.ReadFile(words.Name())
		return watched, fmt.Errorf("%w\n%s", err, said)
	}
	m.CPU = process.CPU().Seconds() * 1e6 / float64(p.Messages)
	return watched, nil
}

// pair runs both, one after the other.
func (s *stage) pair(ctx context.Context, p plan, way direction, bridgeFirst bool) (pair pair, err error) {
	order := []contender{rawLoop, theBridge}
	if bridgeFirst {
		order = []contender{theBridge, rawLoop}
	}
	for _, c := range order {
		m, err := s.run(ctx, p, way, c)
		if err != nil {
			return pair, err
		}
		if c.name == theBridge.name {
			pair.Bridge = m
		} else {
			pair.Raw = m
		}
	}
	pair.compare()
	return pair, nil
}

// enough is so many messages that the faster one needs the seconds asked for, with
// room for a calibration that was slower than what follows. A calibration that is
// over within a second is mostly its beginning: it is made again, longer.
func (s *stage) enough(ctx context.Context, p plan, way direction) (int, error) {
	for p.Messages = calibration; ; p.Messages *= 5 {
		pair, err := s.pair(ctx, p, way, false)
		short := errors.Is(err, errFast) || err == nil && min(pair.Raw.Seconds, pair.Bridge.Seconds) < 1
		if short && p.Messages < atMost/5 {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("calibrate: %w", err)
		}
		n := min(int(max(pair.Raw.Rate, pair.Bridge.Rate)*1.5*float64(p.Seconds)), atMost)
		return max(n/p.Keys, 1) * p.Keys, nil
	}
}
