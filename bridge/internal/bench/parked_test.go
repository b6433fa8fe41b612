package main

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
)

func (s *stage) drainOf(t *testing.T, keys int) error {
	d, err := s.drained(t.Context(), little.waiting(), direction{rabbitMQ, kafka}, keys)
	known := d.Rest > 0 && d.Most >= d.Rest && d.Top >= d.Most || runtime.GOOS != "linux"
	if err != nil || d.Found != unharmed || d.Keys != keys || d.Messages != little.Park || d.Rate <= 0 || d.Parking <= 0 || !known {
		return fmt.Errorf("%+v, %w", d, err)
	}
	return nil
}

func (s *stage) besideDrain(t *testing.T) error {
	b, err := s.beside(t.Context(), little.waiting(), direction{kafka, kafka}, littleRate)
	if err == nil && b.Found != unharmed {
		err = errors.New(b.Found)
	}
	return errors.Join(err, b.Before.wrong(), b.Beside.wrong())
}

func TestWhatIsParkedIsAllButTheFirstOfEachKey(t *testing.T) {
	for park, want := range map[int][2]int{100_000: {10_000, 100_000}, 105_000: {10_000, 100_000}, 300: {300, 300}} {
		of := parkedCrowd(plan{Park: park}, manyParked)
		if of.Keys != want[0] || of.parked() != want[1] {
			t.Errorf("%d: %d of %d keys", park, of.parked(), of.Keys)
		}
		if m, _ := of.message(of.Keys); m.Revision != 2 {
			t.Errorf("the first that is parked has revision %d", m.Revision)
		}
	}
}

func TestTheTableOfDrains(t *testing.T) {
	k := parking{
		direction: direction{rabbitMQ, kafka},
		Many: []drain{
			{Keys: 10, Messages: 100, Parking: 50, Rest: 200, Most: 300, Top: 400, Rate: 80, Fresh: 100, Found: unharmed},
			{Keys: 10, Messages: 100, Parking: 70, Rest: 220, Most: 320, Top: 420, Rate: 60, Fresh: 100, Found: unharmed},
		},
		One:    []drain{{Keys: 1, Messages: 100, Parking: 50, Rest: 200, Most: 300, Top: 400, Rate: 80, Fresh: 40, Found: "1 missing"}},
		Beside: []beside{{Before: pace{Rate: 100, P50: 1, P99: 2}, Beside: pace{Rate: 90, P50: 3, P99: 4}}},
	}
	want := `RabbitMQ to Kafka
parked, keys       parked/s  MiB: at rest  at most  draining   drain/s   fresh/s   drain : fresh
      100      10        60           210      310       410        70       100   0.70 (0.60..0.80)      all there, once, in order
      100       1        50           200      300       400        80        40   2.00 (2.00..2.00)      1 missing
others, rate : at rest 0.90 (0.90..0.90)
others, p50: 3.00 (3.00..3.00) ms, at rest 1.00 (1.00..1.00) ms
others, p99: 4.00 (4.00..4.00) ms, at rest 2.00 (2.00..2.00) ms
`
	if got := k.table(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
