package main

import "testing"

func TestCalibrationGoesOnUntilARunTellsTheRate(t *testing.T) {
	const limit = 1_000_000
	p := plan{Seconds: 5, Keys: 1000}
	for name, c := range map[string]struct {
		tried  int
		took   float64
		rate   float64
		want   int
		enough bool
	}{
		"over at once: five times as many":                  {60_000, 0, 0, 300_000, false},
		"hardly begun: five times as many":                  {60_000, 0.1, 600_000, 300_000, false},
		"a third of the time: what fills it":                {60_000, 5.0 / 3, 36_000, 180_000, false},
		"nearly half of the time: twice as many":            {60_000, 2.4, 25_000, 125_000, false},
		"half of the time: enough, with room":               {60_000, 2.5, 24_000, 180_000, true},
		"much too long: fewer":                              {60_000, 60, 1000, 7000, true},
		"slower than a message per key: one of each":        {1000, 50, 20, 1000, true},
		"too many: the limit, tried":                        {400_000, 0.5, 800_000, limit, false},
		"the limit is too few: the limit":                   {limit, 1, limit, limit, true},
		"the limit is over at once: the limit":              {limit, 0, 0, limit, true},
		"the limit took too long: fewer":                    {limit, 10, 100_000, 750_000, true},
		"so fast that the room would be beyond it: no room": {900_000, 4, 225_000, limit, true},
	} {
		p.Messages = c.tried
		n, enough := p.next(measure{Seconds: c.took, Rate: c.rate}, limit)
		if n != c.want || enough != c.enough {
			t.Errorf("%s: %d, %v; want %d, %v", name, n, enough, c.want, c.enough)
		}
	}
}

// Whatever the rate, and though the run is measured again and again.
func TestCalibrationEndsWithRunsThatAreLongEnough(t *testing.T) {
	const limit = 1_000_000
	for _, rate := range []float64{30, 400, 9000, 130_000} {
		p := plan{Seconds: 5, Keys: 20, Messages: 4000}
		tries, enough := 0, false
		for !enough && tries < 20 {
			m := measure{Rate: rate, Seconds: float64(p.Messages) / rate}
			p.Messages, enough = p.next(m, limit)
			tries++
		}
		if took := float64(p.Messages) / rate; tries > 6 || took < 5 || took > 8 {
			t.Errorf("at %v/s after %d tries: %d messages, %.1f s", rate, tries, p.Messages, took)
		}
	}
}

func TestOnlyTopicsHoldMillions(t *testing.T) {
	for way, want := range map[direction]int{
		{rabbitMQ, rabbitMQ}: 1_000_000, {rabbitMQ, kafka}: 1_000_000, {kafka, rabbitMQ}: 1_000_000, {kafka, kafka}: 5_000_000,
	} {
		if got := atMost(way); got != want {
			t.Errorf("%s: %d", way, got)
		}
	}
}
