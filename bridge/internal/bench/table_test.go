package main

import (
	"slices"
	"testing"
)

func TestTheTableOfADirection(t *testing.T) {
	five := plan{Seconds: 5}
	r := result{direction: direction{rabbitMQ, rabbitMQ}, Contenders: []series{
		{Name: "raw loop", Plan: five, Messages: 100_000, Runs: []measure{
			{Start: 0.1, Rate: 10_000, CPU: 40, Brokers: 100, RSS: 20, Seconds: 5},
			{Start: 0.1, Rate: 20_000, CPU: 20, Brokers: 110, RSS: 30, Seconds: 6},
			{Start: 0.1, Rate: 15_000, CPU: 30, Brokers: 120, RSS: 25, Seconds: 6},
		}},
		{Name: "bridge", Plan: five, Messages: 100_000, Runs: []measure{
			{Start: 0.2, Rate: 8000, CPU: 60, Brokers: 100, RSS: 100, Seconds: 5},
			{Start: 0.3, Rate: 18_000, CPU: 30, Brokers: 130, RSS: 110, Seconds: 4.9},
			{Start: 0.4, Rate: 15_000, CPU: 30, Brokers: 120, RSS: 120, Seconds: 6},
		}},
		{Name: "shovel", Plan: five, peer: true, Runs: []measure{
			{Rate: 800, Brokers: 200, Seconds: 5, Duplicates: 1, Left: 2},
			{Rate: 1000, Brokers: 300, Seconds: 5, Missing: 3, Breaks: 4},
			{Rate: 1200, Brokers: 400, Seconds: 5, Left: 5},
		}},
	}}
	r.summarise()
	want := `RabbitMQ to RabbitMQ   msg/s  CPU s/M  brokers s/M  RSS MiB   msg/s : raw loop        CPU : raw loop          outcome
raw loop               15000     30.0        110.0       25   -                       -                       all there, once, in order
bridge                 15000     30.0        120.0      110   0.90 (0.80..1.00)       1.50 (1.00..1.50)       all there, once, in order
shovel                  1000        -        300.0        -   0.080 (0.050..0.080)    -                       3 missing, 1 twice, 4 out of order, 7 left
bridge : shovel         msg/s 12.50 (10.00..18.00)    CPU -
bridge: 1 of 3 runs took less than 5 s
bridge: 3.0 of its CPU s/M are from before its first message
`
	if got := r.table(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestALineOfARun(t *testing.T) {
	m := measure{Rate: 1234.5, CPU: 10, Brokers: 20, RSS: 30, Seconds: 5.04}
	if got, want := m.line(2, "bridge"), "    2  bridge                 1234     10.0         20.0       30    5.0 s   all there, once, in order\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	m = measure{Rate: 1, Left: 1}
	if got, want := m.line(12, "shovel"), "   12  shovel                    1        -            -        -    0.0 s   0 missing, 0 twice, 0 out of order, 1 left\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestNotesSayWhatATableHasNoPlaceFor(t *testing.T) {
	s := series{Name: "bridge", Plan: plan{Seconds: 5, Settled: 1}, Messages: 1000, Runs: []measure{
		{Rate: 100, Seconds: 6, Late: 400, Parked: 30, Ready: 1},
		{Rate: 100, Seconds: 6, Late: 400, Parked: 10, Ready: 1.5},
	}}
	s.summarise()
	want := []string{
		"40 % of its messages stand behind a successor in the source",
		"2.0 % of its messages were parked on their way",
		"ready after 1.25 (1.00..1.50) s",
	}
	if got := s.notes(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
