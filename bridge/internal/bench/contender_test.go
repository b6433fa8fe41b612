package main

import (
	"os"
	"testing"

	"github.com/brokerbridge/bridge/bridge/config"
)

func TestTheBridgesTopologyIsRight(t *testing.T) {
	names := map[kind]string{rabbitMQ: "shop", kafka: "lake"}
	s := &stage{}
	for _, way := range all(t) {
		for _, window := range []int{0, 777} {
			sc := scene{name: "x", way: way}
			sc.from, sc.to = s.end(way.From, "x-from"), s.end(way.To, "x-to")
			if from, ok := sc.from.(*topic); ok {
				from.group = sc.name
			}
			f, err := config.Parse("bench.yaml", []byte(topology(t.TempDir(), plan{Window: window}, sc)), os.LookupEnv)
			if err != nil {
				t.Errorf("%s: %v", way, err)
				continue
			}
			from, to := f.Routes[0].From[0], f.Routes[0].To
			if from.Broker != names[way.From] || from.Name() != "x-from" || to.Broker != names[way.To] || to.Name() != "x-to" {
				t.Errorf("%s: from %+v to %+v", way, from, to)
			}
			if way.From == kafka && from.Group != "x" {
				t.Errorf("%s: its group is %q", way, from.Group)
			}
			if from.Declare.On || to.Declare.On {
				t.Errorf("%s: it declares", way)
			}
			if asked := from.Window == window; asked == (window == 0) {
				t.Errorf("%s: -window %d gives %d", way, window, from.Window)
			}
		}
	}
}

func TestAnErrandArrivesAsItWasGiven(t *testing.T) {
	want := errand{from: place{rabbitMQ, "a-from"}, to: place{kafka, "a.b-to"}, group: "a", n: 7}
	if got, err := parseErrand(want.String()); got != want || err != nil {
		t.Errorf("%q gave %+v, %v", want, got, err)
	}
	for _, wrong := range []string{"", "rabbitmq:a,kafka:b", "rabbitmq:a,kafka:b,g,many"} {
		if got, err := parseErrand(wrong); err == nil {
			t.Errorf("%q gave %+v", wrong, got)
		}
	}
}

func TestAPlanSaysAllThatIsWrongWithIt(t *testing.T) {
	good := plan{Rounds: 1, Seconds: 1, Keys: 1, Size: 8, Lanes: 1, Park: 1}
	if err := good.check(); err != nil {
		t.Error(err)
	}
	bad := plan{Size: 7, Window: -1}
	want := "-rounds 0: want at least 1\n-seconds 0: want at least 1\n-keys 0: want at least 1\n-size 7: want at least 8\n-window -1: want at least 0\n-park 0: want at least 1\n-lanes 0: want at least 1"
	if err := bad.check(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
