package screen

import (
	"fmt"
	"io"
	"time"
)

// plain writes lines that stay.
type plain struct {
	out   io.Writer
	next  time.Duration
	shown Now
	last  Now
}

func (p *plain) Show(now Now) {
	p.last = now
	if now.Elapsed < p.next {
		return
	}
	p.next = now.Elapsed.Truncate(time.Second) + time.Second
	p.write(now)
}

func (p *plain) write(n Now) {
	p.shown = n
	line := fmt.Sprintf("sent %6s  in Kafka %6s  dropped %3s  held %4s  parked %4s  gaps %3s  quarantined %d  dead %d",
		Count(n.Sent), Count(n.Delivered), Count(n.Duplicates), Count(n.Held), Count(n.Parked),
		Count(n.Gaps), n.Quarantined, n.Dead)
	if n.Trouble != "" {
		line += "  (" + n.Trouble + ")"
	}
	fmt.Fprint(p.out, told(n.Elapsed, line))
}

func (p *plain) Tell(after time.Duration, what string) { fmt.Fprint(p.out, told(after, "> "+what)) }

func (p *plain) Say(text string) { fmt.Fprint(p.out, text) }

func (p *plain) End() {
	if p.last != p.shown {
		p.write(p.last)
	}
}
