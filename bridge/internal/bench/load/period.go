package load

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// longest is the most that latencies are told apart: longer ones count as that
// long.
const longest = 10 * time.Minute

// Period is a part of a run: the messages that were due in it.
type Period struct {
	begin, end time.Time
	last       time.Time // when one of them came
	took       *hdrhistogram.Histogram
}

// NewPeriod keeps three digits of each latency.
func NewPeriod(begin time.Time, lasts time.Duration) *Period {
	end := begin.Add(lasts)
	return &Period{begin: begin, end: end, last: end, took: hdrhistogram.New(1, longest.Microseconds(), 3)}
}

// End is when the first message is due that is not in it.
func (p *Period) End() time.Time { return p.end }

// Note takes an arrival, if its message was due in the period.
func (p *Period) Note(a Arrival) {
	if a.Due.Before(p.begin) || !a.Due.Before(p.end) {
		return
	}
	if a.At.After(p.last) {
		p.last = a.At
	}
	took := min(max(a.At.Sub(a.Due), 0), longest)
	_ = p.took.RecordValue(took.Microseconds()) // it is within the bounds
}

// Rate is in messages per second, from the beginning until the end, or until the
// last came, if that was later: who falls behind is slow.
func (p *Period) Rate() float64 {
	return float64(p.took.TotalCount()) / p.last.Sub(p.begin).Seconds()
}

// Took is the latency, in milliseconds, that so many of a hundred messages did
// not exceed.
func (p *Period) Took(percent float64) float64 {
	return float64(p.took.ValueAtQuantile(percent)) / 1000
}
