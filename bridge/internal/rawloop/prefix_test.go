package rawloop

import (
	"math/rand/v2"
	"testing"
)

// Confirms of several partitions come in any order, and any number of them may
// be ahead of the first.
func TestPrefixEndsBeforeTheFirstOpenOffset(t *testing.T) {
	const first, n = 77, 5*room + 3
	p := newPrefix(first)
	open := map[int64]bool{}
	for i := range int64(n) {
		open[first+i] = true
	}
	lowest, total := int64(first), 0
	for _, i := range rand.Perm(n) {
		offset := first + int64(i)
		total += p.finish(offset)
		delete(open, offset)
		for lowest < first+n && !open[lowest] {
			lowest++
		}
		if p.next != lowest || total != int(lowest-first) {
			t.Fatalf("the prefix ends at %d and grew by %d, want %d and %d", p.next, total, lowest, lowest-first)
		}
	}
}
