package lane

import "time"

// finish lets all go well: nothing fails, all is committed, what is missing
// comes. The lane must end with nothing waiting.
func (p *player) finish() {
	p.model.lazy = true
	p.closed = false // else nothing would fill its gaps
	p.model.clock.tell(true)
	p.step(Event{Kind: Resumed})
	if p.lane.Mode == Locked {
		p.step(Event{Kind: Release})
	}
	for rounds := 0; p.progress(); rounds++ {
		if rounds > 20_000 {
			p.fail("it never ends")
		}
		if rounds%4 == 0 || p.pending == nil && len(p.queue) == 0 {
			p.startCommit()
			p.finishCommit()
		}
	}
	p.model.lazy = false
	p.step(Event{Kind: Tick})
	l := p.lane
	if l.Held() > 0 || l.Parked > 0 || len(p.taken) > 0 || l.Mode != Adopting && !l.Idle() {
		p.fail("not drained: held %d, parked %d, not acknowledged %v", l.Held(), l.Parked, p.taken)
	}
	if l.Next <= l.Highest && l.Mode != Adopting {
		p.fail("next is %d, highest %d", l.Next, l.Highest)
	}
}

// progress does the next thing that is still to do; false if there is none.
func (p *player) progress() bool {
	l := p.lane
	switch {
	case p.pending != nil:
		p.answer(0)
	case p.wake:
		p.awake()
	case len(p.queue) > 0:
		p.take(0)
	case l.Mode == Quarantined:
		p.step(Event{Kind: Redrive, Rev: l.Next})
	case l.Mode == Adopting && l.lowest() != l.Next:
		p.let(2 * time.Second)
	case l.lowest() > l.Next:
		p.queue = append(p.queue, canonical(l.Next))
	default:
		return p.commit != nil || p.dirty || p.disk.state != l.State || l.lowest() == l.Next && l.Held()+l.Parked > 0
	}
	return true
}
