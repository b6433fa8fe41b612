package amqp

import (
	"slices"
	"time"
)

// keepArrived is how long it is remembered of a message nobody waited for that
// it has arrived: a breaker lets its caller try again after a quarter of a minute,
// and what waits behind it takes longer.
const keepArrived = 5 * time.Minute

// arrived are parcels that were confirmed after their callers had lost patience,
// so that they are not sent a second time when the callers try again. What it
// keeps is bounded as what is on its way is.
type arrived struct {
	byID  map[string][]*arrival
	order []*arrival // oldest first, those that were claimed among them
	bytes int
}

type arrival struct {
	*parcel
	at      time.Time
	claimed bool
}

func (a *arrived) add(p *parcel, now time.Time) {
	if a.byID == nil {
		a.byID = map[string][]*arrival{}
	}
	one := &arrival{parcel: p, at: now}
	a.byID[p.MessageId] = append(a.byID[p.MessageId], one)
	a.order = append(a.order, one)
	a.bytes += p.size()
	a.trim(now)
}

// claim reports whether a parcel has arrived already, once for each time it has.
func (a *arrived) claim(p *parcel) bool {
	alike := a.byID[p.MessageId]
	i := slices.IndexFunc(alike, func(one *arrival) bool { return one.is(p) })
	if i < 0 {
		return false
	}
	alike[i].claimed = true
	a.drop(alike[i], i)
	return true
}

// trim forgets the oldest beyond the bounds.
func (a *arrived) trim(now time.Time) {
	for len(a.order) > 0 {
		one := a.order[0]
		if !one.claimed && len(a.order) <= mostParcels && a.bytes <= mostBytes && now.Sub(one.at) < keepArrived {
			return
		}
		a.order[0] = nil
		a.order = a.order[1:]
		if !one.claimed {
			a.drop(one, slices.Index(a.byID[one.MessageId], one))
		}
	}
	a.order = nil
}

func (a *arrived) drop(one *arrival, i int) {
	a.bytes -= one.size()
	if rest := slices.Delete(a.byID[one.MessageId], i, i+1); len(rest) > 0 {
		a.byID[one.MessageId] = rest
	} else {
		delete(a.byID, one.MessageId)
	}
}
