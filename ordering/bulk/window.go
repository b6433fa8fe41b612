package bulk

import (
	"time"

	"github.com/brokerbridge/bridge/ordering/store"
)

// How much of an operation is under way at once: all of it is in memory.
const (
	windowLetters = 4096
	windowBytes   = 32 << 20
)

// flight is a dead letter under way, or one that waits for another of its key.
type flight struct {
	id    string
	key   string
	place string
	size  int64
	ended bool
	stays bool // it has ended and stays a dead letter, as it was
}

// window is what is under way, in order of places, so that it is known behind
// which place all has ended.
type window struct {
	flights []*flight
	byID    map[string]*flight
	bytes   int64
	place   string // all up to it have ended
	stayed  int64  // of those, the ones that stay: they are counted where they are not read again
	staying int64  // the same, behind it

	keys  map[string]bool      // with one under way; only those that go one at a time
	later map[string][]*flight // that wait for it
}

func newWindow(place string) *window {
	return &window{byID: map[string]*flight{}, place: place, keys: map[string]bool{}, later: map[string][]*flight{}}
}

// room is how many more there may be.
func (w *window) room() int {
	if w.bytes >= windowBytes {
		return 0
	}
	return windowLetters - len(w.flights)
}

// board takes dead letters in, which were read up to a place, and returns those
// that may go now. With oneByOne one of a key is under way at a time.
func (w *window) board(page []store.DeadLetter, upTo string, oneByOne bool) (now []store.DeadLetter) {
	for i := range page {
		d := &page[i]
		b := d.Brief()
		f := &flight{id: d.ID, place: b.Place(), size: d.Size()}
		if oneByOne {
			f.key = d.Key
		}
		w.flights = append(w.flights, f)
		w.byID[f.id] = f
		w.bytes += f.size
		switch {
		case f.key == "":
			now = append(now, *d)
		case w.keys[f.key]:
			w.later[f.key] = append(w.later[f.key], f)
		default:
			w.keys[f.key] = true
			now = append(now, *d)
		}
	}
	if len(w.flights) == 0 {
		w.place = upTo
	}
	return now
}

// land ends one and returns the id of the one of its key that may go now, if there
// is any. It is false where it was not under way.
func (w *window) land(id string, stays bool) (next string, ok bool) {
	f := w.byID[id]
	if f == nil {
		return "", false
	}
	f.ended, f.stays = true, stays
	delete(w.byID, id)
	w.bytes -= f.size
	if stays {
		w.staying++
	}
	w.advance()
	if f.key == "" {
		return "", true
	}
	if waiting := w.later[f.key]; len(waiting) > 0 {
		w.later[f.key] = waiting[1:]
		return waiting[0].id, true
	}
	delete(w.later, f.key)
	delete(w.keys, f.key)
	return "", true
}

// advance moves the place up behind what has ended.
func (w *window) advance() {
	n := 0
	for ; n < len(w.flights) && w.flights[n].ended; n++ {
		w.place = w.flights[n].place
		if w.flights[n].stays {
			w.staying--
			w.stayed++
		}
	}
	w.flights = w.flights[n:]
}

// tally is what an operation has seen end since it was last resumed, of what could
// be dealt with.
type tally struct{ done, failed, refused int64 }

// judged is how many say something of the cause.
func (t *tally) judged() int64 { return t.done + t.failed + t.refused }

// pulse measures how fast an operation is.
type pulse struct {
	at    [pulses]time.Time
	count [pulses]int64
	n     int
}

const (
	pulses     = 12
	pulseEvery = time.Second
)

func (p *pulse) beat(now time.Time, count int64) {
	if p.n > 0 && now.Sub(p.at[(p.n-1)%pulses]) < pulseEvery {
		return
	}
	p.at[p.n%pulses], p.count[p.n%pulses] = now, count
	p.n++
}

// speed is the messages a second over the last pulses.
func (p *pulse) speed() float64 {
	if p.n < 2 {
		return 0
	}
	last, first := (p.n-1)%pulses, max(0, p.n-pulses)%pulses
	if d := p.at[last].Sub(p.at[first]).Seconds(); d > 0 {
		return float64(p.count[last]-p.count[first]) / d
	}
	return 0
}
