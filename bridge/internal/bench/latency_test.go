package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/child"
)

// little is a plan of a second.
var little = plan{Keys: 200, Size: 64, Seconds: 1, Park: 500}

const littleRate = 200

// They run at once, since each of them mostly waits.
func TestSteadyTrafficIsMeasured(t *testing.T) {
	s := scaffold(t)
	var err error
	if s.bridge, err = child.Build(s.dir, "bridge", "./cmd/bridge"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for name, run := range steady(t, s) {
		wg.Go(func() {
			if err := run(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	wg.Wait()
}

// steady are the runs of all cases that have steady traffic.
func steady(t *testing.T, s *stage) map[string]func() error {
	runs := map[string]func() error{}
	for _, way := range some(t) {
		runs["latency, "+way.String()] = func() error {
			got, err := s.through(t.Context(), way, littleRate, rawLoop, &crowd{plan: little, name: "key"})
			return errors.Join(err, got.wrong())
		}
	}
	for _, way := range some(t) {
		for _, c := range troubles {
			runs[c.name+", "+way.String()] = func() error {
				got, err := s.troubled(t.Context(), little.waiting(), way, littleRate, c)
				return errors.Join(err, got.wrong())
			}
		}
	}
	runs["no trouble"] = func() error { return s.noTrouble(t) }
	runs["drain of a key"] = func() error { return s.drainOf(t, 1) }
	runs["drain of ten"] = func() error { return s.drainOf(t, 10) }
	runs["beside a drain"] = func() error { return s.besideDrain(t) }
	maps.Copy(runs, spins(t, s))
	return runs
}

// wrong says what cannot be, however busy the machine is.
func (p pace) wrong() error {
	if p.Found != unharmed || p.Rate <= 0 || p.Rate > littleRate*1.01 ||
		p.P50 <= 0 || p.P99 < p.P50 || p.P999 < p.P99 || p.Max < p.P999 {
		return fmt.Errorf("measured %+v", p)
	}
	return nil
}

func arrivals(c *crowd, numbers ...int) {
	for _, i := range numbers {
		c.note(load.Arrival{Number: c.base + i, Due: time.Now(), At: time.Now()})
	}
}

func TestACrowdTellsWhatIsWrongWithIt(t *testing.T) {
	for name, c := range map[string]struct {
		come []int
		want measure
		here int
	}{
		"all":            {[]int{0, 1, 2, 3, 4, 5}, measure{}, 6},
		"some":           {[]int{0, 1}, measure{Missing: 4}, 2},
		"twice":          {[]int{0, 1, 2, 3, 3, 4, 5}, measure{Duplicates: 1}, 7},
		"out of order":   {[]int{2, 0, 1, 3, 4, 5}, measure{Breaks: 1}, 6},
		"of another key": {[]int{1, 0, 3, 2, 5, 4}, measure{}, 6},
	} {
		of := (&crowd{plan: plan{Keys: 2, Messages: 6}, base: 100}).expect()
		arrivals(of, c.come...)
		if got := of.outcome(); got != c.want || of.here != c.here {
			t.Errorf("%s: %+v, %d here; want %+v, %d", name, got, of.here, c.want, c.here)
		}
	}
}

func TestASinkGivesUpWhenNothingComes(t *testing.T) {
	never, long := func() bool { return false }, time.Now().Add(-2*patience)
	for name, c := range map[string]struct {
		sink  *sink
		began time.Time
		want  error
	}{
		"for long":            {&sink{latest: long}, long, errStalled},
		"since it was asked":  {&sink{latest: long}, time.Now(), nil},
		"but a moment before": {&sink{latest: time.Now()}, long, nil},
	} {
		if over, err := c.sink.look(never, c.began); over || !errors.Is(err, c.want) {
			t.Errorf("%s: %v, %v", name, over, err)
		}
	}
}

func TestASinkKnowsWhoseAMessageIs(t *testing.T) {
	some := (&crowd{plan: plan{Keys: 1, Messages: 2}}).expect()
	others := (&crowd{plan: plan{Keys: 1, Messages: 2}, base: otherBase}).expect()
	k := &sink{crowds: []*crowd{some, others}}
	for _, number := range []int{0, otherBase, otherBase + 1} {
		k.note(load.Arrival{Number: number})
	}
	if some.here != 1 || others.here != 2 || k.err != nil {
		t.Errorf("%d and %d, %v", some.here, others.here, k.err)
	}
	if k.note(load.Arrival{Number: 2}); k.err == nil {
		t.Error("a message that nobody sent is no error")
	}
}

func TestTheTableOfLatencies(t *testing.T) {
	l := latency{
		direction: direction{rabbitMQ, kafka}, Sent: 1000,
		Raw:    []pace{{P50: 1, P99: 2, P999: 3, Max: 4, Found: unharmed}, {P50: 2, P99: 3, P999: 4, Max: 5, Found: unharmed}},
		Bridge: []pace{{P50: 1, P99: 3, P999: 6, Max: 8, Found: unharmed}, {P50: 3, P99: 3, P999: 3, Max: 9, Found: "1 missing"}},
	}
	want := `RabbitMQ to Kafka, 1000 msg/s sent; ms
        raw loop                  bridge                    added
p50     1.50 (1.00..2.00)         2.00 (1.00..3.00)         0.50 (0.00..1.00)
p99     2.50 (2.00..3.00)         3.00 (3.00..3.00)         0.50 (0.00..1.00)
p99.9   3.50 (3.00..4.00)         4.50 (3.00..6.00)         1.00 (-1.00..3.00)
max     4.50 (4.00..5.00)         8.50 (8.00..9.00)         4.00 (4.00..4.00)
1 missing
`
	if got := l.table(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAWarningIsToldOnce(t *testing.T) {
	said := `time=1 level=INFO msg="all is well" route=a
time=2 level=WARN msg="the target is away" route=a
time=3 level=WARN msg=slow route=a
time=4 level=WARN msg="the target is away" route=b
`
	want := []string{`level=WARN msg="the target is away"`, `level=WARN msg=slow`}
	if got := warnings([]byte(said)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
