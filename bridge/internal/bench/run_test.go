package main

import (
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e/child"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// scaffold is a stage whose two children are both the raw loop's.
func scaffold(t *testing.T) *stage {
	t.Helper()
	rig.AMQP(t)
	rig.Kafka(t)
	s := &stage{dir: t.TempDir()}
	var err error
	if s.self, err = child.Build(s.dir, "bench", "./bridge/internal/bench"); err != nil {
		t.Fatal(err)
	}
	s.join(t)
	return s
}

// join connects a stage until the test ends.
func (s *stage) join(t *testing.T) {
	t.Helper()
	t.Cleanup(s.close)
	t.Cleanup(func() {
		if err := s.dropSources(); err != nil {
			t.Error(err)
		}
	})
	if err := s.connect(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAStageWithoutBrokersSaysHowToGetThem(t *testing.T) {
	t.Setenv("BRIDGE_TEST_AMQP_URL", "amqp://127.0.0.1:1/")
	s := &stage{}
	defer s.close()
	if err := s.connect(t.Context()); err == nil || !strings.Contains(err.Error(), "make brokers") {
		t.Errorf("got %v", err)
	}
}

func all(t *testing.T) []direction {
	t.Helper()
	ways, err := directions("all", "all")
	if err != nil || len(ways) != 4 {
		t.Fatalf("%v, %v", ways, err)
	}
	return ways
}

// some are directions that have each kind as a source and as a target; with
// BRIDGE_TEST_FULL=1 all.
func some(t *testing.T) []direction {
	t.Helper()
	if rig.Full() {
		return all(t)
	}
	return []direction{{rabbitMQ, kafka}, {kafka, rabbitMQ}}
}

func TestARunIsMeasuredAndChecked(t *testing.T) {
	s := scaffold(t)
	for _, c := range []contender{rawLoop, watermill} {
		for _, way := range some(t) {
			t.Run(c.name+", "+way.String(), func(t *testing.T) {
				m := s.flawless(t, way, c)
				if m.CPU <= 0 || runtime.GOOS == "linux" && m.RSS <= 0 {
					t.Errorf("measured %+v", m)
				}
			})
		}
	}
}

// The shovel is a plugin of RabbitMQ, which is there; the jars of MirrorMaker are
// fetched with BRIDGE_TEST_FULL=1 only.
func TestPeersAreMeasuredAndChecked(t *testing.T) {
	others := "shovel"
	if rig.Full() {
		others += ",mirrormaker"
	}
	chosen, err := choosePeers(others)
	if err != nil {
		t.Fatal(err)
	}
	s := scaffold(t)
	if err := s.prepare(all(t), chosen); err != nil {
		t.Fatal(err)
	}
	s.findBrokers()
	for _, p := range chosen {
		for _, c := range p.contenders {
			t.Run(c.name, func(t *testing.T) {
				way := all(t)[slices.IndexFunc(all(t), p.moves)]
				m := s.flawless(t, way, c)
				if len(s.brokers) > 0 && m.Brokers <= 0 {
					t.Errorf("measured %+v", m)
				}
			})
		}
	}
}

// flawless lets a contender move about a sixth of a second's messages.
func (s *stage) flawless(t *testing.T, way direction, c contender) measure {
	t.Helper()
	p := c.plan(plan{Keys: 100, Size: 1024})
	p.Messages = p.rounded(c.probe / 6)
	m, err := s.run(t.Context(), p, way, c)
	for errors.Is(err, errFast) { // this process was stalled meanwhile
		p.Messages *= 4
		m, err = s.run(t.Context(), p, way, c)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", m)
	if m.Missing != 0 || m.Duplicates != 0 || m.Breaks != 0 || m.Left != 0 {
		t.Errorf("found %+v", m)
	}
	if m.Rate <= 0 || m.Seconds <= 0 {
		t.Errorf("measured %+v", m)
	}
	return m
}

// Who acknowledges less than it should must not look as good as who does it all.
func TestARunSaysWhatIsLeftInTheSource(t *testing.T) {
	s := scaffold(t)
	p := plan{Keys: 100, Size: 1024, Messages: 2000}
	half := p
	half.Messages /= 2
	for _, way := range some(t) {
		t.Run(way.String(), func(t *testing.T) {
			sc, err := s.open(t.Context(), p, way, rawLoop)
			defer func() {
				if err := s.drop(sc, rawLoop); err != nil {
					t.Error(err)
				}
			}()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.move(t.Context(), half, rawLoop, sc, &measure{}); err != nil {
				t.Fatal(err)
			}
			if left, err := sc.from.left(t.Context()); err != nil || left != half.Messages {
				t.Errorf("%d messages are left, %v; want %d", left, err, half.Messages)
			}
		})
	}
}

// A child that fails is an error with its words, not a slow run.
func TestARunTellsWhyItsChildFailed(t *testing.T) {
	s := scaffold(t)
	for script, want := range map[string][]string{
		`exec "$0" -raw nonsense`: {"raw loop: after 0 of 2 messages: the child ended with 1", `errand "nonsense"`},
		`"$0" "$@"; exit 3`:       {"raw loop: ended with 3"},
	} {
		failing := rawLoop
		failing.start = func(_ context.Context, s *stage, p plan, sc scene, words *os.File) (mover, error) {
			return startProcess(sc, words, "sh", "-c", script, s.self, "-raw", sc.errand(p).String())
		}
		_, err := s.run(t.Context(), plan{Keys: 1, Size: 8, Messages: 2}, direction{rabbitMQ, kafka}, failing)
		for _, want := range want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	}
}
