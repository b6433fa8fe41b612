package main

import (
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e/child"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// bridged is a stage whose child is the bridge.
func bridged(t *testing.T) *stage {
	t.Helper()
	rig.AMQP(t)
	rig.Kafka(t)
	s := &stage{dir: t.TempDir()}
	var err error
	if s.bridge, err = child.Build(s.dir, "bridge", "./cmd/bridge"); err != nil {
		t.Fatal(err)
	}
	s.join(t)
	return s
}

func TestVariationsAreWhatTheirNamesSay(t *testing.T) {
	p := plan{Keys: 5, Lanes: 7}
	for _, c := range []struct {
		who  lineup
		want map[string]plan
	}{
		{displaced, map[string]plan{
			"in order":        {Keys: 5, Lanes: 7, Draw: uniform},
			"displaced 200":   {Keys: 5, Lanes: 7, Draw: uniform, Displaced: 200, Repeated: 0.01},
			"displaced 20000": {Keys: 5, Lanes: 7, Draw: uniform, Displaced: 20_000},
		}},
		{fewKeys, map[string]plan{
			"1000 keys": {Keys: 1000, Lanes: 7}, "20 keys": {Keys: 20, Lanes: 7}, "one key": {Keys: 1, Lanes: 7},
		}},
		{manyKeys, map[string]plan{
			"1000 keys":       {Keys: 1000, Lanes: 7},
			"known, uniform":  {Keys: 7, Lanes: 7, Draw: uniform, Settled: 1},
			"known, Zipf 1.1": {Keys: 7, Lanes: 7, Draw: zipf, Settled: 1},
		}},
	} {
		s := &stage{seeds: map[kind]seeded{kafka: {}}}
		all, err := c.who(t.Context(), s, p, direction{kafka, kafka})
		if err != nil || len(all) != len(c.want) {
			t.Errorf("%d contenders, %v", len(all), err)
		}
		for _, one := range all {
			if got := one.plan(p); got != c.want[one.name] {
				t.Errorf("%s: %+v", one.name, got)
			}
		}
	}
}

func TestTheBridgeUnderOtherConditions(t *testing.T) {
	s := bridged(t)
	t.Run("varied", s.varied)
	t.Run("with a seeded store", s.seededStore)
}

// varied has every contender of the cases that need no store of their own.
func (s *stage) varied(t *testing.T) {
	for _, c := range []struct {
		way direction
		who lineup
	}{
		{direction{rabbitMQ, kafka}, displaced},
		{direction{kafka, kafka}, fewKeys},
	} {
		all, err := c.who(t.Context(), s, plan{}, c.way)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range all {
			one.probe /= 3
			t.Run(one.name, func(t *testing.T) {
				m := s.flawless(t, c.way, one)
				if m.Ready <= 0 {
					t.Error("it was never ready")
				}
				p := one.plan(plan{})
				if (m.Late > 0) != (p.Displaced > 0) || m.Parked == 0 && p.Displaced == farAway {
					t.Errorf("%d stood behind a successor, %d were parked", m.Late, m.Parked)
				}
			})
		}
	}
}
