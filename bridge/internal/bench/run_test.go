package main

import (
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
	broken := rawLoop
	broken.start = func(s *stage, _ plan, _ scene, words *os.File) (*child.Process, error) {
		return child.Start(words, nil, s.self, "-raw", "nonsense")
	}
	_, err := s.run(t.Context(), plan{Keys: 1, Size: 8, Messages: 1}, direction{rabbitMQ, kafka}, broken)
	if err == nil || !strings.Contains(err.Error(), `raw loop: the child ended with 1 after 0 of 1 messages`) ||
		!strings.Contains(err.Error(), `-raw "nonsense"`) {
		t.Errorf("got %v", err)
	}
}

func TestTheBridgesTopologyIsRight(t *testing.T) {
	s := &stage{}
	for _, way := range all(t) {
		sc := scene{name: "x", way: way}
		sc.from, sc.to = s.end(way.From, sc.source()), s.end(way.To, sc.target())
		f, err := config.Parse("bench.yaml", []byte(topology(t.TempDir(), sc)), os.LookupEnv)
		if err != nil {
			t.Errorf("%s: %v", way, err)
			continue
		}
		if r := f.Routes[0]; r.From[0].Name() != "x-from" || r.To.Name() != "x-to" || r.From[0].Declare.On || r.To.Declare.On {
			t.Errorf("%s: %+v", way, r)
		}
	}
}
