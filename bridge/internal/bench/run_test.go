package main

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/config"
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
	t.Cleanup(s.close)
	if err := s.connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
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

func TestARunIsMeasuredAndCheckedInEveryDirection(t *testing.T) {
	s := scaffold(t)
	p := plan{Keys: 100, Size: 1024, Messages: 10_000}
	for _, way := range all(t) {
		t.Run(way.String(), func(t *testing.T) {
			m, err := s.run(t.Context(), p, way, rawLoop)
			for p := p; errors.Is(err, errFast); { // this process was stalled meanwhile
				p.Messages *= 4
				m, err = s.run(t.Context(), p, way, rawLoop)
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%+v", m)
			if m.Missing != 0 || m.Duplicates != 0 || m.Breaks != 0 || m.Left != 0 {
				t.Errorf("found %+v", m)
			}
			if m.Rate <= 0 || m.Seconds <= 0 || m.CPU <= 0 {
				t.Errorf("measured %+v", m)
			}
		})
	}
}

// Who acknowledges less than it should must not look as good as who does it all.
func TestARunSaysWhatIsLeftInTheSource(t *testing.T) {
	s := scaffold(t)
	p := plan{Keys: 100, Size: 1024, Messages: 2000}
	half := p
	half.Messages /= 2
	for _, way := range all(t) {
		t.Run(way.String(), func(t *testing.T) {
			sc, err := s.open(t.Context(), p, way)
			defer func() {
				if err := sc.drop(); err != nil {
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
		`exec "$0" -raw nonsense`: {"raw loop: the child ended with 1 after 0 of 2 messages", `-raw "nonsense"`},
		`"$0" "$@"; exit 3`:       {"raw loop: ended with 3"},
	} {
		failing := rawLoop
		failing.start = func(s *stage, p plan, sc scene, words *os.File) (*child.Process, error) {
			return child.Start(words, nil, "sh", append([]string{"-c", script, s.self}, rawArgs(p, sc)...)...)
		}
		_, err := s.run(t.Context(), plan{Keys: 1, Size: 8, Messages: 2}, direction{rabbitMQ, kafka}, failing)
		for _, want := range want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	}
}

func TestTheBridgesTopologyIsRight(t *testing.T) {
	names := map[kind]string{rabbitMQ: "shop", kafka: "lake"}
	s := &stage{}
	for _, way := range all(t) {
		sc := scene{name: "x", way: way}
		sc.from, sc.to = s.end(way.From, sc.source()), s.end(way.To, sc.target())
		f, err := config.Parse("bench.yaml", []byte(topology(t.TempDir(), sc)), os.LookupEnv)
		if err != nil {
			t.Errorf("%s: %v", way, err)
			continue
		}
		from, to := f.Routes[0].From[0], f.Routes[0].To
		if from.Broker != names[way.From] || from.Name() != "x-from" || to.Broker != names[way.To] || to.Name() != "x-to" {
			t.Errorf("%s: from %+v to %+v", way, from, to)
		}
		if from.Declare.On || to.Declare.On {
			t.Errorf("%s: it declares", way)
		}
	}
}
