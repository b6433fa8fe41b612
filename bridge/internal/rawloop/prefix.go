package rawloop

// room is how many offsets a prefix looks ahead before it grows; a power of two.
const room = 1 << 12

// prefix is the finished beginning of a partition, whose offsets have no holes.
type prefix struct {
	next int64  // the lowest offset that is not finished
	done []bool // of the offsets from next on, each at its remainder
}

func newPrefix(first int64) *prefix { return &prefix{next: first, done: make([]bool, room)} }

// finish marks an offset and returns how much longer the prefix became.
func (p *prefix) finish(offset int64) int {
	for offset-p.next >= int64(len(p.done)) {
		p.grow()
	}
	*p.at(offset) = true
	before := p.next
	for *p.at(p.next) {
		*p.at(p.next) = false
		p.next++
	}
	return int(p.next - before)
}

func (p *prefix) at(offset int64) *bool { return &p.done[offset&int64(len(p.done)-1)] }

func (p *prefix) grow() {
	old := *p
	p.done = make([]bool, 2*len(old.done))
	for offset := p.next; offset < p.next+int64(len(old.done)); offset++ {
		*p.at(offset) = *old.at(offset)
	}
}
