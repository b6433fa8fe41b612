package stream

import (
	"math/rand/v2"
	"slices"

	"github.com/ThreeDotsLabs/watermill/message"
)

// disorder plans where in the stream each message is sent. Places are fractions,
// so that a message fits between any two.
type disorder struct {
	stream  *Stream
	rng     *rand.Rand
	reach   int
	end     float64 // the place behind all events
	planned []plan
}

type plan struct {
	at     float64
	place  Place // zero: a stranger
	copied bool
	msg    *message.Message
}

// send plans the i-th event: out of its place, perhaps later, perhaps twice.
func (d *disorder) send(i float64, p Place) {
	cast := &d.stream.Cast
	at := i + d.upTo(1)
	switch {
	case p == cast.Never:
		return
	case slices.Contains(cast.Late, p):
		at = d.end + 2*float64(d.reach) + float64(slices.Index(cast.Late, p)*d.reach)/4
		d.stream.Dropped++
	case d.rng.Float64() < dropShare && p != cast.Refused && p != cast.Conflict:
		at += float64(2*d.reach) + d.upTo(4)
		d.stream.Dropped++
	default:
		d.stream.Farthest = max(d.stream.Farthest, int(at-i))
	}
	d.plan(at, p, false)
	if d.rng.Float64() < dupShare && p != cast.Refused {
		d.stream.Duplicated++
		d.plan(at+d.upTo(3), p, true)
	}
	if p == cast.Conflict {
		msg := stranger(event(p, nil).UUID+"-again", p.Key, event(p, nil).Metadata[HeaderRevision],
			[]byte(`{"order":"`+p.Key+`","lines":0,"written_by":"a second service"}`))
		d.planned = append(d.planned, plan{at: at + float64(d.reach)/2, msg: msg, copied: true})
	}
}

func (d *disorder) plan(at float64, p Place, copied bool) {
	body := Body(p)
	if p == d.stream.Cast.Refused {
		body = tooLarge(p)
	}
	d.planned = append(d.planned, plan{at: at, place: p, copied: copied, msg: event(p, body)})
}

// strangers plans what is no event at all.
func (d *disorder) strangers() {
	c := d.stream.Cast
	for _, s := range []struct {
		share float64
		msg   *message.Message
	}{
		{0.30, stranger("legacy-7", c.Unnumbered, "", []byte(`{"order":"`+c.Unnumbered+`","sent_by":"a legacy service"}`))},
		{0.55, stranger("garbage-31", c.Corrupt, CorruptRevision, []byte(`{"order":"`+c.Corrupt+`","lines":4}`))},
	} {
		d.planned = append(d.planned, plan{at: s.share * d.end, msg: s.msg, copied: true})
	}
}

// upTo is a number of places, up to so many times the reach.
func (d *disorder) upTo(times float64) float64 { return d.rng.Float64() * times * float64(d.reach) }
