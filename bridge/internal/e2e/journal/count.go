package journal

// Counts are an outcome in numbers.
type Counts struct {
	Messages   int // that were sent, copies not counted
	Lost       int // neither delivered nor dead nor parked
	Reordered  int // first delivered after a higher revision of their key
	Duplicates int // deliveries beyond the first
	Most       int // of them, for one key
}

// Count looks at each message once.
func (o Outcome) Count() Counts {
	var n Counts
	missing := map[id]bool{}
	for _, e := range o.Sent {
		missing[id{e.Key, e.Rev}] = true
	}
	n.Messages = len(missing)
	got := map[id]bool{}
	last, again := map[string]int64{}, map[string]int{}
	for _, e := range o.Got {
		me := id{e.Key, e.Rev}
		delete(missing, me)
		if got[me] {
			n.Duplicates++
			again[e.Key]++
			n.Most = max(n.Most, again[e.Key])
			continue
		}
		got[me] = true
		if e.Rev < last[e.Key] {
			n.Reordered++
		}
		last[e.Key] = max(last[e.Key], e.Rev)
	}
	for _, e := range o.Dead {
		delete(missing, id{e.Key, e.Rev})
	}
	n.Lost = len(missing)
	for _, parked := range o.Parked {
		n.Lost -= parked
	}
	return n
}
