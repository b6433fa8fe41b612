package journal

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
)

// Traffic is a stream of messages, each the next revision of any of its keys.
// However long it goes on, no revision is missing at its end.
type Traffic struct {
	Keys      int     // how many
	Displaced int     // how many places a message may come too late
	Repeated  float64 // share of messages that come twice
	Size      int     // of a body; 0: 1 KiB
	NoID      bool    // messages have no message id
	Seed      uint64

	// It ends after Messages, and earlier when Stop is closed.
	Messages int
	Stop     <-chan struct{}
}

// All yields the messages.
func (t Traffic) All() iter.Seq[Message] {
	return func(yield func(Message) bool) {
		rng := rand.New(rand.NewPCG(t.Seed, 1))
		last := make([]int64, t.Keys)
		var late displaced
		for i := 0; i < t.Messages && !closed(t.Stop); i++ {
			key := rng.IntN(t.Keys)
			last[key]++
			copies := 1
			if rng.Float64() < t.Repeated {
				copies = 2
			}
			for range copies {
				heap.Push(&late, place{i, key, last[key], i + rng.IntN(t.Displaced+1)})
			}
			for len(late) > 0 && late[0].at <= i {
				if !yield(t.message(late.next())) {
					return
				}
			}
		}
		for len(late) > 0 {
			if !yield(t.message(late.next())) {
				return
			}
		}
	}
}

func (t Traffic) message(p place) Message {
	m := Message{
		Key:     fmt.Sprintf("key-%04d", p.key),
		Rev:     p.rev,
		Headers: map[string]string{"note": "number " + strconv.Itoa(p.n)},
	}
	if !t.NoID {
		m.ID = fmt.Sprintf("%s/%d", m.Key, m.Rev)
	}
	m.Body = t.body(p.n)
	return m
}

// body is the same each time, and another for each message.
func (t Traffic) body(n int) []byte {
	size := t.Size
	if size == 0 {
		size = 1024
	}
	rng := rand.NewPCG(t.Seed, uint64(n))
	b := make([]byte, 0, size+7)
	for len(b) < size {
		b = binary.LittleEndian.AppendUint64(b, rng.Uint64())
	}
	return b[:size]
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// place is a message and when it leaves.
type place struct {
	n, key int
	rev    int64
	at     int
}

// displaced are the messages that did not leave yet, the first one first.
type displaced []place

func (d displaced) Len() int           { return len(d) }
func (d displaced) Less(i, j int) bool { return d[i].at < d[j].at }
func (d displaced) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }

// Push is for container/heap.
func (d *displaced) Push(x any) {
	p, _ := x.(place)
	*d = append(*d, p)
}

// Pop is for container/heap.
func (d *displaced) Pop() any {
	last := len(*d) - 1
	p := (*d)[last]
	*d = (*d)[:last]
	return p
}

// next takes the first one out.
func (d *displaced) next() place {
	p, _ := heap.Pop(d).(place)
	return p
}
