package span_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/brokerbridge/bridge/bridge/broker/kafka/internal/span"
)

func place(offset int64) span.Place { return span.Place{Offset: offset, Epoch: int32(offset / 10)} }

func TestLowIsTheLowestOpenRecord(t *testing.T) {
	s := span.Begin(span.Place{Offset: 5, Epoch: -1})
	if low, token := s.Low(); low != (span.Place{Offset: 5, Epoch: -1}) || token != 0 {
		t.Errorf("nothing was taken: %v %d", low, token)
	}
	a, b, c := s.Take(place(7), 100), s.Take(place(12), 10), s.Take(place(13), 1)
	for _, step := range []struct {
		settle []uint64
		n      int
		bytes  int64
		low    span.Place
		upTo   uint64
	}{
		{nil, 0, 0, place(7), 0},
		{[]uint64{b, b, 0, 99}, 1, 10, place(7), 0},
		{[]uint64{a}, 1, 100, place(13), 2},
		{[]uint64{a, b}, 0, 0, place(13), 2},
		{[]uint64{c}, 1, 1, span.Place{Offset: 14, Epoch: 1}, 3},
	} {
		n, bytes := s.Settle(step.settle)
		low, upTo := s.Low()
		if n != step.n || bytes != step.bytes || low != step.low || upTo != step.upTo {
			t.Errorf("settled %v: %d of %d bytes, low %v after %d; want %+v", step.settle, n, bytes, low, upTo, step)
		}
	}
	s.Pass(place(14)) // the end of a transaction
	if low, _ := s.Low(); low.Offset != 15 {
		t.Errorf("low is %v, want 15", low)
	}
	s.Take(place(20), 1)
	s.Pass(place(21))
	if low, _ := s.Low(); low.Offset != 20 || s.End().Offset != 22 {
		t.Errorf("low is %v and the end %v, want 20 and 22", low, s.End())
	}
}

// A plain model, with every record that was ever taken.
type model struct {
	offsets []int64
	open    []bool
	end     int64
}

func (m *model) low() (int64, uint64) {
	if i := slices.Index(m.open, true); i >= 0 {
		return m.offsets[i], uint64(i)
	}
	return m.end, uint64(len(m.open))
}

func TestSpanEqualsItsModel(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		s, m := span.Begin(place(0)), model{}
		for range 400 {
			switch {
			case r.IntN(20) == 0:
				s.Pass(place(m.end))
				m.end++
			case r.IntN(2) == 0:
				m.end += int64(r.IntN(3)) // a hole
				if token := s.Take(place(m.end), 3); token != uint64(len(m.open)+1) {
					t.Fatalf("token %d of record %d", token, len(m.open))
				}
				m.offsets, m.open = append(m.offsets, m.end), append(m.open, true)
				m.end++
			default:
				settle(t, r, &s, &m)
			}
			low, token := s.Low()
			want, upTo := m.low()
			if low.Offset != want || token != upTo || s.End().Offset != m.end {
				t.Fatalf("seed %d: low %d after %d, end %d; want %d after %d, %d", seed, low.Offset, token, s.End().Offset, want, upTo, m.end)
			}
		}
	}
}

func settle(t *testing.T, r *rand.Rand, s *span.Span, m *model) {
	var tokens []uint64
	want := 0
	for range r.IntN(5) {
		i := r.IntN(len(m.open) + 1)
		tokens = append(tokens, uint64(i+1))
		if i < len(m.open) && m.open[i] {
			m.open[i] = false
			want++
		}
	}
	if n, bytes := s.Settle(tokens); n != want || bytes != int64(3*want) {
		t.Fatalf("settled %d with %d bytes, want %d", n, bytes, want)
	}
	open := 0
	for _, o := range m.open {
		if o {
			open++
		}
	}
	if n, bytes := s.Open(); n != open || bytes != int64(3*open) {
		t.Fatalf("%d open with %d bytes, want %d", n, bytes, open)
	}
}

// I7: one record that stays open while thousands pass it costs nothing.
func TestI7_MemoryIsThatOfTheWindow(t *testing.T) {
	s := span.Begin(place(0))
	s.Take(place(0), 1)
	allocated := testing.AllocsPerRun(10, func() {
		for range 10_000 {
			s.Settle([]uint64{s.Take(place(s.End().Offset), 1)})
		}
	})
	if allocated > 10 {
		t.Errorf("%v allocations for 10,000 records behind one", allocated)
	}
	if n := s.Uncommitted(); n < 100_000 {
		t.Errorf("%d are uncommitted", n)
	}
	_, token := s.Low()
	s.Committed(token)
	s.Committed(0)
	if n := s.Uncommitted(); n < 100_000 {
		t.Errorf("%d are uncommitted, and nothing could be committed", n)
	}
}
