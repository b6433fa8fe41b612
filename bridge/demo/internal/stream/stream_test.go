package stream

import (
	"slices"
	"strconv"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
)

func TestEveryEventButOneIsSent(t *testing.T) {
	for seed := range uint64(20) {
		s := made(t, Settings{Messages: 2000, Keys: 20, Seed: seed})
		sent, copies := map[Place]int{}, 0
		for _, m := range s.Sends {
			p, ok := placeOf(m)
			if !ok || string(m.Payload) != string(Body(p)) && p != s.Cast.Refused {
				copies++
				continue
			}
			sent[p]++
		}
		repeated := 0
		for key, last := range s.Last {
			for rev := int64(1); rev <= last; rev++ {
				p := Place{key, rev}
				if (sent[p] > 0) != s.Sent(p) {
					t.Errorf("seed %d: %v was sent %d times; Sent says %v", seed, p, sent[p], s.Sent(p))
				}
				repeated += max(0, sent[p]-1)
			}
		}
		if copies != 3 || repeated != s.Duplicated {
			t.Errorf("seed %d: %d strangers, want 3; %d repeated, want %d", seed, copies, repeated, s.Duplicated)
		}
	}
}

func TestTheConflictComesSecond(t *testing.T) {
	for seed := range uint64(50) {
		s := made(t, Settings{Messages: 600, Keys: 12, Seed: seed})
		of := func(id string) int {
			return slices.IndexFunc(s.Sends, func(m *message.Message) bool { return m.UUID == id })
		}
		id := event(s.Cast.Conflict, nil).UUID
		if first, second := of(id), of(id+"-again"); first < 0 || second < first {
			t.Errorf("seed %d: at %d and %d", seed, first, second)
		}
	}
}

func TestItIsShuffledButNotFurtherThanSaid(t *testing.T) {
	s := made(t, Settings{Messages: 10_000, Keys: 100})
	if s.Farthest < mostMoved/2 || s.Farthest > mostMoved || s.Early < 1000 {
		t.Errorf("moved up to %d places, %d early", s.Farthest, s.Early)
	}
	if s.Duplicated < 200 || s.Dropped < 50 {
		t.Errorf("%d duplicated, %d dropped", s.Duplicated, s.Dropped)
	}
}

func TestTheSameSeedIsTheSameStream(t *testing.T) {
	ids := func(seed uint64) (all []string) {
		for _, m := range made(t, Settings{Messages: 600, Keys: 12, Seed: seed}).Sends {
			all = append(all, m.UUID)
		}
		return all
	}
	if !slices.Equal(ids(7), ids(7)) || slices.Equal(ids(7), ids(8)) {
		t.Error("a seed does not decide the stream")
	}
}

func made(t *testing.T, set Settings) *Stream {
	t.Helper()
	s, err := New(set)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func placeOf(m *message.Message) (Place, bool) {
	rev, err := strconv.ParseInt(m.Metadata[HeaderRevision], 10, 64)
	return Place{m.Metadata[HeaderKey], rev}, err == nil
}
