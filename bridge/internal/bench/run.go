package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/e2e/child"
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
	return child.Start(words, nil, s.self, "-raw", fmt.Sprintf("%s,%s,%d", sc.queue, sc.topic, p.Messages))
}

func startBridge(s *stage, _ plan, sc scene, words *os.File) (*child.Process, error) {
	file := filepath.Join(s.dir, sc.topic+".yaml")
	if err := os.WriteFile(file, []byte(topology(s.dir, sc)), 0o600); err != nil {
		return nil, err
	}
	return child.Start(words, nil, s.bridge, "run", "-c", file)
}

// topology has the bridge's defaults but for the names.
func topology(dir string, sc scene) string {
	return fmt.Sprintf(`
brokers:
  shop: { amqp: { url: %q } }
  lake: { kafka: { brokers: %q } }
store: { pebble: { dir: %q } }
admin: { listen: 127.0.0.1:0 }
routes:
  - name: bench
    from: { broker: shop, queue: %q }
    to: { broker: lake, topic: %q }
    order: { by: revision, key: header.key, revision: header.revision, first: 1 }
`, amqpURL(), strings.Join(kafkaAddrs(), ","), filepath.Join(dir, sc.topic), sc.queue, sc.topic)
}

// run lets a contender move a full queue, and measures and checks it.
func (s *stage) run(ctx context.Context, p plan, c contender) (m measure, err error) {
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", c.name, err)
		}
	}()
	sc, err := s.open(ctx, p)
	defer s.drop(sc)
	if err != nil {
		return m, err
	}
	if m.CPU, err = s.move(ctx, p, c, sc); err != nil {
		return m, err
	}
	if m.Left, err = s.left(sc.queue); err != nil {
		return m, err
	}
	return m, s.check(ctx, p, sc.topic, &m)
}

// move runs the child from its start to its end and returns the CPU seconds per
// million messages.
func (s *stage) move(ctx context.Context, p plan, c contender, sc scene) (float64, error) {
	words, err := os.Create(filepath.Join(s.dir, sc.topic+".log"))
	if err != nil {
		return 0, err
	}
	defer func() { _ = words.Close() }()
	process, err := c.start(s, p, sc, words)
	if err != nil {
		return 0, err
	}
	err = s.awaitRecords(ctx, sc.topic, p.Messages, process)
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
		return 0, fmt.Errorf("%w\n%s", err, said)
	}
	return process.CPU().Seconds() * 1e6 / float64(p.Messages), nil
}

// pair runs both, one after the other.
func (s *stage) pair(ctx context.Context, p plan, bridgeFirst bool) (pair pair, err error) {
	order := []contender{rawLoop, theBridge}
	if bridgeFirst {
		order = []contender{theBridge, rawLoop}
	}
	for _, c := range order {
		m, err := s.run(ctx, p, c)
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
// room for a calibration that was slower than what follows.
func (s *stage) enough(ctx context.Context, p plan) (int, error) {
	p.Messages = calibration
	pair, err := s.pair(ctx, p, false)
	if err != nil {
		return 0, fmt.Errorf("calibrate: %w", err)
	}
	fastest := max(pair.Raw.Rate, pair.Bridge.Rate)
	n := int(fastest * 1.5 * (time.Duration(p.Seconds) * time.Second).Seconds())
	return max(n/p.Keys, 1) * p.Keys, nil
}
