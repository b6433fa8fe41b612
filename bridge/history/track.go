package history

import (
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// sums are counts of messages: taken, delivered, parked, given up.
type sums [4]float64

// over are sums as rates.
func (s sums) over(d time.Duration) api.Rates {
	per := d.Seconds()
	return api.Rates{In: s[0] / per, Out: s[1] / per, Parked: s[2] / per, Dead: s[3] / per}
}

// less is what came since, in each of the counts; one that has become less began
// anew, and says nothing.
func (s sums) less(before sums) (out sums) {
	for i := range s {
		out[i] = max(0, s[i]-before[i])
	}
	return out
}

// reading is what was read of a route at a time.
type reading struct {
	at      time.Time
	sums    sums
	latency status.Latency
}

// maxReadings are those of the last minute, and the one before.
const maxReadings = int(time.Minute/Every) + 1

// track is one route.
type track struct {
	began  time.Time
	last   []reading // oldest first
	fine   *ring
	coarse *ring
}

func newTrack() *track {
	return &track{fine: newRing(fineStep, fineSpan), coarse: newRing(coarseStep, Longest)}
}

// add takes a reading.
func (t *track) add(now reading) {
	if n := len(t.last); n == 0 {
		t.began = now.at
	} else if before := t.last[n-1]; now.at.After(before.at) {
		moved := now.sums.less(before.sums)
		t.fine.spread(before.at, now.at, moved)
		t.coarse.spread(before.at, now.at, moved)
	}
	if len(t.last) == maxReadings {
		t.last = append(t.last[:0], t.last[1:]...)
	}
	t.last = append(t.last, now)
}

// minute compares a reading with the oldest of the last minute.
func (t *track) minute(now reading) (api.Rates, *api.Latency) {
	for _, then := range t.last {
		if past := now.at.Sub(then.at); past > 0 && past <= time.Minute+Every/2 {
			return now.sums.less(then.sums).over(past), percentiles(then.latency, now.latency)
		}
	}
	return api.Rates{}, nil
}

// ring holds sums for steps of time; older ones are written over.
type ring struct {
	step   time.Duration
	sums   [][4]float32
	newest int64 // the number of the newest step, since 1970; 0: none
}

func newRing(step, span time.Duration) *ring {
	return &ring{step: step, sums: make([][4]float32, span/step+1)} // with the one that is not over
}

func (r *ring) number(at time.Time) int64 { return at.UnixNano() / int64(r.step) }

func (r *ring) slot(number int64) *[4]float32 { return &r.sums[number%int64(len(r.sums))] }

// at is what moved in the step that begins at a time.
func (r *ring) at(at time.Time) [4]float32 {
	n := r.number(at)
	if n > r.newest || n <= r.newest-int64(len(r.sums)) {
		return [4]float32{}
	}
	return *r.slot(n)
}

// spread adds what moved between two times to the steps that lie there, to each by
// its part.
func (r *ring) spread(from, to time.Time, moved sums) {
	r.reach(r.number(to))
	whole := to.Sub(from)
	if longest := r.step * time.Duration(len(r.sums)-1); whole > longest {
		from = to.Add(-longest)
	}
	for begin := from; begin.Before(to); {
		n := r.number(begin)
		end := time.Unix(0, (n+1)*int64(r.step))
		if end.After(to) {
			end = to
		}
		part := float64(end.Sub(begin)) / float64(whole)
		for i := range moved {
			r.slot(n)[i] += float32(moved[i] * part)
		}
		begin = end
	}
}

// reach makes a step the newest, and empties those between.
func (r *ring) reach(number int64) {
	for n := max(r.newest+1, number-int64(len(r.sums))+1); n <= number; n++ {
		*r.slot(n) = [4]float32{}
	}
	r.newest = max(r.newest, number)
}
