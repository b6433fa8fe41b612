package lane

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
)

// begin starts over with a new lane.
func (d *dialogue) begin(words []string) {
	r := defaultRules()
	d.rules, d.now = &r, epoch
	state := func() State { return Fresh(d.rules) }
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "first":
			r.First = d.rev(value)
		case "adopt":
			r.Adopt, r.AdoptAfter = true, d.duration(value)
		case "gap":
			r.OnGap = d.resolve(value)
		case "failure":
			r.OnFailure = d.resolve(value)
		case "hold":
			r.Hold = d.duration(value)
		case "timeout":
			r.GapTimeout = d.duration(value)
		case "jump":
			r.MaxJump = d.rev(value)
		case "ahead":
			r.MaxAhead = d.rev(value)
		case "held":
			r.MaxHeld = int(d.rev(value))
		case "locked":
			state = func() State { s := Fresh(d.rules); s.Mode = Locked; return s }
		default:
			d.t.Fatalf("%s:%d: unknown rule %q", d.file, d.line, word)
		}
	}
	d.saved = state()
	d.lane = New(d.rules, d.saved)
	d.seen[d.lane.Mode.String()] = true
}

// defaultRules are those of a route that says nothing.
func defaultRules() Rules {
	return Rules{First: 1, Hold: 100 * time.Millisecond, GapTimeout: time.Minute, MaxJump: 10_000, MaxAhead: 64, MaxHeld: 100}
}

// event reads "kind [rev] [content] [name=value ...]".
func (d *dialogue) event(words []string) Event {
	ev := Event{At: d.now, Kind: d.kind(words[0])}
	content := ""
	for i, word := range words[1:] {
		name, value, named := strings.Cut(word, "=")
		switch {
		case i == 0 && !named:
			ev.Rev = d.rev(word)
		case name == "parked":
			ev.Known, ev.Same = Parked, value == "same"
		case word == "skipped":
			ev.Known = Skipped
		case word == "fast":
			ev.Fast = true
		case word == "closed":
			ev.Closed = true
		case name == "pause":
			ev.Pause = d.duration(value)
		case name == "next" || name == "lowest":
			ev.To = d.rev(value)
		case name == "highest":
			ev.Rev = d.rev(value)
		case name == "count":
			ev.Count = int(d.rev(value))
		default:
			content = word
		}
	}
	if content == "" {
		content = "content of " + strconv.Itoa(int(ev.Rev))
	}
	ev.Print = printOf(content)
	if ev.Kind == Committed && len(words) == 1 {
		d.saved = d.lane.State
		ev.Rev = d.saved.Next
	}
	return ev
}

// printOf is the fingerprint of a content.
func printOf(content string) Print {
	h := fnv.New64a()
	h.Write([]byte(content))
	return Print(h.Sum64())
}

func (d *dialogue) kind(word string) Kind {
	for i, name := range kindNames {
		if name == word {
			return Kind(i)
		}
	}
	d.t.Fatalf("%s:%d: unknown event %q", d.file, d.line, word)
	return 0
}

func (d *dialogue) rev(word string) Revision {
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil {
		d.t.Fatalf("%s:%d: %v", d.file, d.line, err)
	}
	return Revision(n)
}

func (d *dialogue) duration(word string) time.Duration {
	v, err := time.ParseDuration(word)
	if err != nil {
		d.t.Fatalf("%s:%d: %v", d.file, d.line, err)
	}
	return v
}

func (d *dialogue) resolve(word string) Resolve {
	for i, name := range []string{"quarantine", "wait", "skip", "continue", "stop"} {
		if name == word {
			return Resolve(i)
		}
	}
	d.t.Fatalf("%s:%d: unknown way to go on %q", d.file, d.line, word)
	return 0
}

// state is the lane in words; what is zero is left out.
func (d *dialogue) state() string {
	l := d.lane
	s := fmt.Sprintf("%s, next %d, durable %d, highest %d", l.Mode, l.Next, l.durable, l.Highest)
	say := func(ok bool, format string, args ...any) {
		if ok {
			s += ", " + fmt.Sprintf(format, args...)
		}
	}
	say(l.Base != d.rules.First, "base %d", l.Base)
	say(l.Held() > 0, "held %d", l.Held())
	say(l.Parked > 0, "parked %d from %d", l.Parked, l.Lowest)
	say(l.Aside > 0, "aside %d", l.Aside)
	say(l.Skips > 0, "skips %d", l.Skips)
	say(l.Flying(), "flying")
	say(l.Suspect, "suspect")
	say(l.Reborn, "reborn")
	say(l.Idle(), "idle")
	return s
}
