package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/demo/service"
	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
)

// spins are three that play, one for each outcome: what is requeued comes in the end,
// what no handler sees never does, and the bridge does not play.
func spins(t *testing.T, s *stage) map[string]func() error {
	again := func(n service.Counts) bool { return n.Again > 50 }
	settled := func(n service.Counts) bool { return n.Taken == 400 && n.Dead == poisoned && n.Parked > 0 }
	return map[string]func() error{
		"requeued": func() error {
			got, err := s.little(t, 1, "nack with requeue", again)
			if got.Again == 0 || got.Good > 20 || got.Missing+got.Ahead+got.Breaks+got.Left+got.Dead > 0 {
				err = fmt.Errorf("measured %+v: %w", got, cmp.Or(err, errWrong))
			}
			return err
		},
		"never decoded": func() error {
			got, err := s.little(t, 2, "Retry and PoisonQueue", again)
			if got.Again == 0 || got.Missing < 380 || got.Left == 0 || got.P99+got.LastGood > 0 {
				err = fmt.Errorf("measured %+v: %w", got, cmp.Or(err, errWrong))
			}
			return err
		},
		"not requeued": func() error {
			got, err := s.little(t, 1, "and its subscriber", settled)
			if got.Again > 0 || got.Missing+got.Ahead+got.Breaks+got.Left > 0 || got.Tries != 40 || got.Dead != poisoned || got.Parked == 0 {
				err = fmt.Errorf("measured %+v: %w", got, cmp.Or(err, errWrong))
			}
			return err
		},
	}
}

var errWrong = errors.New("that cannot be")

// little is a short spin, until it is enough.
func (s *stage) little(t *testing.T, number int, name string, enough func(service.Counts) bool) (spin, error) {
	r, g := &roulette{Rate: 400, Sent: 400, After: 100, enough: enough}, games()[number]
	who := g.who[slices.IndexFunc(g.who, func(c contender) bool { return c.name == name })]
	return s.spin(t.Context(), little, direction{rabbitMQ, kafka}, &g, r, who)
}

// Each of the ten has a key of its own, and all but the last have successors.
func TestTheTenArePoisonedInTheirPlaces(t *testing.T) {
	r := &roulette{Sent: inGame}
	keys, n := map[int]bool{}, 0
	for i := range r.Sent {
		if r.isPoisoned(i) {
			n++
			keys[i%1000] = true
		}
	}
	g := games()[1]
	c := r.tally(&g, 1000)
	behind := 0
	for i := range r.Sent {
		if c.behind[i] {
			behind++
		}
	}
	if n != poisoned || len(keys) != poisoned || behind != 45 {
		t.Errorf("%d are poisoned, of %d keys; %d are behind them", n, len(keys), behind)
	}
}

func TestATallyTellsWhoOvertakes(t *testing.T) {
	start := time.Unix(1700000000, 0)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	fresh := func() *tally {
		return &tally{
			when: load.Schedule{Start: start, Rate: 1}, keys: 2,
			poisoned: []bool{true, false, false, false, false, false},
			behind:   []bool{false, false, true, false, true, false},
			arrived:  make([]time.Time, 6),
		}
	}
	c := fresh()
	for _, i := range []int{1, 3, 2, 2, 5, 0, 4} { // 2 overtakes 0, once
		c.note(i, at(i+1))
	}
	took, last := c.free()
	if c.ahead != 1 || c.good(at(4)) != 3 || last != 6 || len(took) != 3 || quantile(took, 50) != 1000 {
		t.Errorf("%d ahead, %d good, the last after %v s, took %v", c.ahead, c.good(at(4)), last, took)
	}
	c = fresh()
	c.note(1, at(1))
	if took, last := c.free(); finite(last) != 0 || finite(quantile(took, 99)) != 0 || quantile(took, 10) != 0 {
		t.Errorf("some never came: %v, %v", took, last)
	}
}

func TestAServiceIsHeard(t *testing.T) {
	words, err := os.Create(filepath.Join(t.TempDir(), "words"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = words.Close() }()
	want := service.Counts{Taken: 5, Again: 4, Refused: 3, Dead: 2, Parked: 1}
	fmt.Fprintf(words, said+"what?\n"+said+"at taken=6 again=0 refused=0 dead=0 parked=1", 0, 0, 0, 0, 0, 5, 4, 3, 2, 1)
	c := &course{words: words}
	if got, err := c.said(); got != want || err != nil {
		t.Errorf("heard %v, %v", got, err)
	}
}

func TestTheTableOfTheRoulette(t *testing.T) {
	r := &roulette{Rate: 400, Sent: 10_000, After: 40, Games: []game{
		{Name: "none"},
		{Name: "ten", Players: []player{
			{Name: "a", Runs: []spin{
				{Good: 500, P50: 5, P99: 0, Again: 3801, Tries: 152_512, CPU: 0.3, Brokers: 0.4, Missing: 10, Left: 9500},
				{Good: 502, P50: 7, P99: 1, Again: 3803, Tries: 152_514, CPU: 0.4, Brokers: 0.5, Breaks: 1},
			}},
			{Name: "b", Runs: []spin{{Good: 9945, P50: 5, P99: 1100, LastGood: 25, Tries: 40, CPU: 0.1, Brokers: 0.2, Dead: 10, Parked: 45}}},
		}},
	}}
	want := `| | good ones in time | p50 | p99 | the last after | ahead of the poisoned | requeued a second | tries of the ten | CPU | brokers' CPU | dead letters | waiting behind them | in the end |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
| *none* | | | | | | | | | | | | |
| *ten* | | | | | | | | | | | | |
| a | 501 | 6 ms | never | never | 0 | 3,800 | 153,000 | 35 % | 45 % | 0 | 0 | 10 missing, 1 out of order, 9,500 in the queue |
| b | 9,945 | 5 ms | 1.1 s | 25.0 s | 0 | 0 | 40 | 10 % | 20 % | 10 | 45 | all there, in order |
`
	if got := r.markdown(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, line := range []string{"b | 9,945 | 0 | 0 | 40 | 10 | all there, in order |"} {
		if got := r.brief(); !strings.Contains(got, line) {
			t.Errorf("got\n%s", got)
		}
	}
}
