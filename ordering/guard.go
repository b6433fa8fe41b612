package ordering

import "fmt"

// StopAfter is a share of the messages that ended last, such as 25 of 100. The
// zero value is no share.
type StopAfter struct{ Dead, Of int }

// check reports what is no share.
func (s StopAfter) check() error {
	if s == (StopAfter{}) || s.Dead > 0 && s.Dead <= s.Of {
		return nil
	}
	return fmt.Errorf("ordering: Config.StopAfter is %d of %d: the first number is from 1 to the second", s.Dead, s.Of)
}

// flood is the guard that stops a route before it pours its source into the dead
// letters: one wrong binding must not do that. It looks at the messages that
// ended last, in memory: after a start it knows of none.
//
// What says nothing of the route does not count: copies, messages it does not
// take, a conflict between two messages of one revision, and what an operator
// has sent through again.
type flood struct {
	share   StopAfter
	last    []uint8  // how each of the last messages ended, a ring of places in reasons
	next    int      // where the oldest of them is, once the ring is full
	reasons []string // the first is that of the delivered, ""
	count   []int    // by reason
	tripped bool     // nothing more is given up
}

func newFlood(s StopAfter) flood {
	return flood{share: s, reasons: []string{""}, count: []int{0}}
}

// otherReasons stands for those that find no place.
const otherReasons = "other reasons"

// place is where a reason is counted.
func (f *flood) place(reason string) uint8 {
	const most = 255
	for i, r := range f.reasons {
		if r == reason {
			return uint8(i)
		}
	}
	if len(f.reasons) >= most && reason != otherReasons {
		return f.place(otherReasons)
	}
	f.reasons = append(f.reasons, reason)
	f.count = append(f.count, 0)
	return uint8(len(f.reasons) - 1)
}

// ended notes how a message ended, with the reason of its dead letter or "", and
// reports whether that is one dead letter too many.
func (f *flood) ended(reason string) bool {
	if f.share.Of == 0 {
		return false
	}
	at := f.place(reason)
	if len(f.last) < f.share.Of {
		f.last = append(f.last, at)
	} else {
		f.count[f.last[f.next]]--
		f.last[f.next] = at
		f.next = (f.next + 1) % f.share.Of
	}
	f.count[at]++
	was := f.tripped
	f.tripped = was || len(f.last)-f.count[0] >= f.share.Dead
	return f.tripped && !was
}

// says tells how many became dead letters, and most of them for what.
func (f *flood) says() string {
	top := 1
	for i := range f.count {
		if i > 0 && f.count[i] > f.count[top] {
			top = i
		}
	}
	return fmt.Sprintf("%d of the last %d messages became dead letters, %d of them for %s",
		len(f.last)-f.count[0], len(f.last), f.count[top], f.reasons[top])
}

// noteDelivered tells the guard of a message that the target has.
func (l *loop) noteDelivered(it *item) {
	if it.isFirstTime() {
		l.flood.ended("")
	}
}

// noteDead tells it of one that is a dead letter now, and stops the route when it
// was one too many. The rest is left as it is: what is in the source stays there,
// what was tried is parked.
func (l *loop) noteDead(it *item, reason string) {
	if !it.isFirstTime() || !l.flood.ended(reason) || l.stopping {
		return
	}
	l.halt(HaltFlood, fmt.Errorf("%s: look at them with bridge dlq ls --route %s, mend what is wrong, then bridge routes resume %[2]s",
		l.flood.says(), l.cfg.Route))
}

// isFirstTime reports whether the message was no dead letter before.
func (it *item) isFirstTime() bool { return it.origin == fromSource || it.origin == fromParked }
