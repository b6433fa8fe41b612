package lane

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// dice turns bytes into decisions; a run ends with its bytes.
type dice struct{ bytes []byte }

func (d *dice) over() bool { return len(d.bytes) == 0 }

// n is a decision between 0 and k−1; 0 when the bytes are over.
func (d *dice) n(k int) int {
	if d.over() {
		return 0
	}
	b := d.bytes[0]
	d.bytes = d.bytes[1:]
	return int(b) % k
}

// play runs a lane through whatever the bytes say, then lets all go well.
func play(t *testing.T, bytes []byte) *shell {
	var s *shell
	defer func() {
		switch r := recover().(type) {
		case nil:
		case broken:
			t.Fatalf("%s\n\nrules %+v\nstate %+v\n%s", r, *s.rules, s.lane.State, tail(s.said))
		default:
			t.Logf("%s", tail(s.said))
			panic(r)
		}
	}()
	d := &dice{bytes}
	rules := diceRules(d)
	state := Fresh(rules)
	if d.n(8) == 0 {
		state.Mode = Locked
	}
	s = newShell(rules, state)
	p := &player{shell: s, dice: d, highest: max(rules.First, 1) - 1}
	for !d.over() {
		p.act()
	}
	p.finish()
	return s
}

func tail(lines []string) string {
	if n := len(lines); n > 60 {
		lines = lines[n-60:]
	}
	return strings.Join(lines, "\n")
}

// diceRules are small, so that limits are reached.
func diceRules(d *dice) *Rules {
	r := defaultRules()
	r.First = Revision([]int{1, 0, 5}[d.n(3)])
	r.Adopt, r.AdoptAfter = d.n(4) == 0, 2*time.Second
	r.OnGap = []Resolve{Quarantine, Wait, Skip}[d.n(3)]
	r.OnFailure = []Resolve{Quarantine, Continue, Stop}[d.n(3)]
	r.Hold = []time.Duration{100 * time.Millisecond, 0}[d.n(2)]
	r.MaxAhead = Revision([]int{1, 2, 3, 64}[d.n(4)])
	r.MaxHeld = []int{1, 2, 4, 100}[d.n(4)]
	r.MaxJump = []Revision{20, 3, 10_000}[d.n(3)]
	return &r
}

// player makes the world around a shell.
type player struct {
	*shell
	*dice
	highest Revision // that the source has produced
}

// act lets one thing happen.
func (p *player) act() {
	switch p.n(16) {
	case 0, 1, 2:
		p.produce()
	case 3, 4, 5, 6:
		if n := len(p.queue); n > 0 {
			p.take(p.n(min(n, 1+p.n(8))))
		}
	case 7, 8, 9, 10:
		p.answer(p.n(10))
	case 11:
		p.startCommit()
	case 12:
		p.finishCommit()
	case 13:
		p.let([]time.Duration{50 * time.Millisecond, time.Second, 30 * time.Second, time.Minute, 6 * time.Minute}[p.n(5)])
	case 14:
		p.operate()
	case 15:
		p.signal()
	}
}

// The contents of a revision: the right one, another, and that of the record
// created anew.
func canonical(r Revision) message { return message{r, Print(4*r + 1)} }

// produce lets the source have more messages.
func (p *player) produce() {
	old := p.rules.First
	if p.highest > old {
		old += Revision(p.n(int(p.highest-old) + 1))
	}
	switch p.n(12) {
	case 0: // one is late, or lost
		p.highest++
	case 1:
		p.queue = append(p.queue, canonical(old)) // again
	case 2:
		p.queue = append(p.queue, message{old, Print(4*old + 2)}) // conflict
	case 3:
		if p.n(4) > 0 {
			p.queue = append(p.queue, canonical(max(0, p.rules.First-1)))
			return
		}
		for r := p.rules.First; r < p.rules.First+4; r++ {
			p.queue = append(p.queue, message{r, Print(4*r + 3)})
		}
	case 4:
		p.queue = append(p.queue, canonical(Revision(100+p.n(30)))) // corrupt
	default:
		for range 1 + p.n(4) {
			p.highest++
			p.queue = append(p.queue, canonical(p.highest))
		}
	}
}

// answer answers what is under way; a delivery well below 6, else not.
func (p *player) answer(how int) {
	if p.pending == nil {
		if how == 0 {
			p.awake()
		}
		return
	}
	e := *p.pending
	p.pending = nil
	r := e.Rev
	switch e.Verb {
	case Fetch:
		p.loaded = &message{r, p.mem.parked[r]}
		p.step(Event{Kind: Fetched, Rev: r, Print: p.loaded.print, To: p.mem.lowest(r)})
	case Retake:
		p.loaded = &message{r, p.mem.dead[r]}
		p.step(Event{Kind: Fetched, Rev: r, Print: p.loaded.print})
	case Expel:
		p.expel()
	default:
		p.outcome(how, r)
	}
}

// outcome tells what became of a delivery.
func (p *player) outcome(how int, r Revision) {
	switch how {
	default:
		p.model.received[r] = true
		p.step(Event{Kind: Confirmed, Rev: r})
	case 6, 7:
		p.wake = true
		p.step(Event{Kind: Retry, Rev: r, Pause: time.Duration(how-6) * time.Second})
	case 8:
		p.step(Event{Kind: GaveUp, Rev: r})
	case 9:
		p.step(Event{Kind: Interrupted, Rev: r})
	}
	p.loaded = nil
}

// expel refuses what was to go.
func (p *player) expel() {
	x := p.expelled
	for _, r := range x.revs {
		p.noteRefused(message{r, p.mem.parked[r]})
		delete(p.mem.parked, r)
	}
	p.step(Event{Kind: Expelled, Count: len(x.revs), Rev: x.highest, To: x.lowest})
}

// let lets time pass.
func (p *player) let(d time.Duration) {
	p.now = p.now.Add(d)
	p.model.clock.pass(d)
	p.said = append(p.said, fmt.Sprintf("+%v", d))
	p.step(Event{Kind: Tick})
}

// operate is what humans, and the caller on their behalf, do.
func (p *player) operate() {
	next := p.lane.Next
	kinds := []Kind{Redrive, Redrive, Redrive, Discard, SkipTo, Release, AdoptNow, Resolved, Resolved, Pressure, Overdue, Overdue}
	ev := Event{Kind: kinds[p.n(len(kinds))], Rev: next}
	switch ev.Kind {
	case SkipTo:
		ev.Rev += Revision(p.n(5))
	case Release:
		p.closed = p.closed || p.lane.Reborn
	default:
	}
	p.step(ev)
}

// signal is what happens to the source, the timers and the process.
func (p *player) signal() {
	switch p.n(10) {
	case 0:
		p.crash(p.n(2) == 0)
		slices.Reverse(p.queue[:p.n(len(p.queue)+1)])
	case 1:
		p.model.clock.tell(false)
		p.step(Event{Kind: Stopped})
	case 2, 3:
		p.model.clock.tell(true)
		p.step(Event{Kind: Resumed})
	case 4:
		p.step(Event{Kind: CaughtUp})
	default:
		p.awake()
	}
}

// awake ends the pause after a failure.
func (p *player) awake() {
	if p.wake {
		p.wake = false
		p.step(Event{Kind: Wake, Rev: p.lane.Next})
	}
}
