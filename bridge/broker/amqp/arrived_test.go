package amqp

import (
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func arrivals(n int, size int) []*parcel {
	ps := make([]*parcel, n)
	for i := range ps {
		ps[i] = &parcel{key: "q", Publishing: amqp.Publishing{MessageId: fmt.Sprint(i), Body: make([]byte, size)}}
	}
	return ps
}

func TestArrivedIsClaimedAsOftenAsItArrived(t *testing.T) {
	var a arrived
	now, p := time.Now(), arrivals(1, 10)[0]
	a.add(p, now)
	a.add(p, now)
	if a.claim(&parcel{key: "elsewhere", Publishing: p.Publishing}) {
		t.Error("what went elsewhere was taken for it")
	}
	for i, want := range []bool{true, true, false} {
		if got := a.claim(p); got != want {
			t.Errorf("claim %d: %v, want %v", i+1, got, want)
		}
	}
	a.trim(now)
	if len(a.order)+len(a.byID)+a.bytes != 0 {
		t.Errorf("kept: %d in order, %d by id, %d bytes", len(a.order), len(a.byID), a.bytes)
	}
}

func TestArrivedIsBounded(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		what    string
		n, size int
		later   time.Duration
		kept    int
	}{
		{"few", 10, 10, 0, 10},
		{"many", mostParcels + 7, 10, 0, mostParcels},
		{"large", 40, 1 << 20, 0, mostBytes >> 20},
		{"old", 10, 10, keepArrived, 0},
	} {
		var a arrived
		ps := arrivals(c.n, c.size)
		for _, p := range ps {
			a.add(p, now)
		}
		a.trim(now.Add(c.later))
		kept := 0
		for i := range ps { // the newest
			if a.claim(ps[len(ps)-1-i]) {
				kept++
			} else {
				break
			}
		}
		if a.trim(now); kept != c.kept || len(a.order)+len(a.byID)+a.bytes != 0 {
			t.Errorf("%s: %d of %d kept, want %d; then %d %d %d", c.what, kept, c.n, c.kept, len(a.order), len(a.byID), a.bytes)
		}
	}
}
