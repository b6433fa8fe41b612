package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/bench/proc"
)

// diary has what was done, what was seen and what was broken, with the times of it.
type diary struct {
	say   func(string)
	began time.Time

	mu       sync.Mutex
	spans    []*span
	looks    []look
	broken   []violation
	resident int64         // at most, in bytes
	calm     time.Duration // see verdict
}

// span is a fault as it happened.
type span struct {
	fault
	began, ended time.Time // ended is zero while it lasts
}

// look is what the bridge said at a moment.
type look struct {
	at        time.Time
	ready     int              // /readyz; 0: nobody answers
	delivered map[string]int64 // by route; nil: nobody answers
	sent      map[string]int   // likewise, to the source
}

// violation is a promise that was broken.
type violation struct {
	promise, says string
	last          []string // the faults before it, the latest first
}

func (v violation) String() string {
	s := v.promise + ": " + v.says
	if len(v.last) > 0 {
		s += "; the last faults before: " + strings.Join(v.last, ", ")
	}
	return s
}

func newDiary(say func(string)) *diary { return &diary{say: say, began: time.Now()} }

// note says something to who watches.
func (d *diary) note(format string, args ...any) {
	d.say(fmt.Sprintf("%7.1fs ", time.Since(d.began).Seconds()) + fmt.Sprintf(format, args...))
}

// violate writes down a promise that is broken now.
func (d *diary) violate(promise, format string, args ...any) {
	d.violateAt(time.Now(), promise, format, args...)
}

// lastShown is how many faults a violation names.
const lastShown = 4

func (d *diary) violateAt(at time.Time, promise, format string, args ...any) {
	d.mu.Lock()
	v := violation{promise: promise, says: fmt.Sprintf(format, args...)}
	for _, s := range slices.Backward(d.spans) {
		if s.began.Before(at) && len(v.last) < lastShown {
			v.last = append(v.last, fmt.Sprintf("%v (%.1fs before)", s.fault, at.Sub(s.began).Seconds()))
		}
	}
	d.broken = append(d.broken, v)
	d.mu.Unlock()
	d.note("VIOLATION %v", v)
}

// begin and end write a fault down.
func (d *diary) begin(f fault) *span {
	s := &span{fault: f, began: time.Now()}
	d.mu.Lock()
	d.spans = append(d.spans, s)
	d.mu.Unlock()
	return s
}

func (d *diary) end(s *span) {
	d.mu.Lock()
	s.ended = time.Now()
	d.mu.Unlock()
	d.note("%v lasted %.1fs", s.fault, s.ended.Sub(s.began).Seconds())
}

// lookEvery is how often the bridge is asked.
const lookEvery = 200 * time.Millisecond

// watch asks the bridge until the context ends.
func (d *diary) watch(ctx context.Context, w *world) {
	for pause(ctx, lookEvery) {
		d.add(look{}.take(w))
		if rss, err := proc.Resident(w.pid()); err == nil {
			d.mu.Lock()
			d.resident = max(d.resident, rss)
			d.mu.Unlock()
		}
	}
}

func (l look) take(w *world) look {
	l.sent = map[string]int{}
	for _, r := range w.routes {
		l.sent[r.name] = r.feed.Sent()
	}
	l.ready, _ = w.bridge.Ready()
	if m, ok := w.bridge.Metrics(); ok && m.Has(delivered) {
		l.delivered = map[string]int64{}
		for _, r := range w.routes {
			l.delivered[r.name] = m.Sum(delivered, "route="+r.name)
		}
	}
	l.at = time.Now()
	return l
}

const delivered = "bridge_messages_delivered_total"

func (d *diary) add(l look) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.looks = append(d.looks, l)
}

// sentAt is when so many messages had been sent to a route.
func (d *diary) sentAt(route string, n int) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.looks {
		if l.sent[route] > n {
			return l.at
		}
	}
	return time.Now()
}
