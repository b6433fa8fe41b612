package amqp

import (
	"slices"
	"sort"
)

// unsettled are the deliveries of a session that were not acknowledged, in the
// order of their tags. Its size is that of the window, even when one delivery
// stays open while millions pass it.
type unsettled struct {
	entries []entry // by tag; settled ones are removed when they are the most
	head    int     // the lowest that is open; what is before it is garbage
	open    int
	bytes   int64
}

type entry struct {
	tag  uint64
	size int64
	done bool
}

func (u *unsettled) add(tag uint64, size int64) {
	u.entries = append(u.entries, entry{tag: tag, size: size})
	u.open++
	u.bytes += size
}

// settle takes deliveries out. What it returns is how to acknowledge them: all
// up to one tag, if that is not 0, and some singly, which it appends. Tags that
// are not open are passed over: acknowledging twice would kill the channel.
func (u *unsettled) settle(tags []uint64, singly []uint64) (upTo uint64, _ []uint64) {
	for _, tag := range tags {
		i := u.find(tag)
		if i < 0 || u.entries[i].done {
			continue
		}
		u.entries[i].done = true
		u.open--
		u.bytes -= u.entries[i].size
		singly = append(singly, tag)
	}
	for u.head < len(u.entries) && u.entries[u.head].done {
		u.head++
	}
	upTo, singly = u.split(singly)
	u.compact()
	return upTo, singly
}

// split takes the tags below the lowest open one out. The highest of them
// stands for all: RabbitMQ knows it, it was not acknowledged before.
func (u *unsettled) split(tags []uint64) (upTo uint64, above []uint64) {
	if u.head == len(u.entries) {
		if len(tags) > 0 {
			upTo = slices.Max(tags)
		}
		return upTo, tags[:0]
	}
	lowest := u.entries[u.head].tag
	above = tags[:0]
	for _, tag := range tags {
		if tag < lowest {
			upTo = max(upTo, tag)
		} else {
			above = append(above, tag)
		}
	}
	return upTo, above
}

// find returns the index of a tag, or -1.
func (u *unsettled) find(tag uint64) int {
	rest := u.entries[u.head:]
	if len(rest) == 0 || tag < rest[0].tag {
		return -1
	}
	if i := tag - rest[0].tag; i < uint64(len(rest)) && rest[i].tag == tag {
		return u.head + int(i) // nothing was removed in between: the usual case
	}
	i := sort.Search(len(rest), func(i int) bool { return rest[i].tag >= tag })
	if i == len(rest) || rest[i].tag != tag {
		return -1
	}
	return u.head + i
}

// from counts what is open from a tag on.
func (u *unsettled) from(tag uint64) int {
	rest := u.entries[u.head:]
	n := 0
	for i := len(rest) - 1; i >= 0 && rest[i].tag >= tag; i-- {
		if !rest[i].done {
			n++
		}
	}
	return n
}

// compact removes settled entries once they are more than the open ones.
func (u *unsettled) compact() {
	if len(u.entries) < 64 || len(u.entries) < 2*u.open {
		return
	}
	u.entries = slices.DeleteFunc(u.entries, func(e entry) bool { return e.done })
	u.head = 0
}
