// Package span knows which records of a partition were taken and not yet
// acknowledged, and up to where its offset may be committed.
package span

import (
	"slices"
	"sort"
)

// Place is where a partition goes on: the offset of the next record. The epoch
// lets Kafka tell whether the log before it is still the same; -1: not known.
type Place struct {
	Offset int64
	Epoch  int32
}

// Span is what was taken of a partition and not committed. It is as large as
// what is unacknowledged, even while one record stays open and thousands pass
// it. Offsets have holes (compaction, transactions), so records are counted by
// tokens: 1, 2, 3 … in the order in which they were taken. A Span belongs to one
// goroutine at a time.
type Span struct {
	entries []entry // by token; settled ones are removed when they are the most
	head    int     // the lowest that is open; what is before it is garbage
	taken   uint64  // the last token
	end     Place   // behind the last record
	open    int
	bytes   int64

	committed uint64 // the records up to this token are committed
}

type entry struct {
	token uint64
	at    Place
	size  int64
	done  bool
}

// Begin is the span of a partition that goes on at a place.
func Begin(at Place) Span { return Span{end: at} }

// Take notes a record and returns its token.
func (s *Span) Take(at Place, size int64) uint64 {
	s.taken++
	s.entries = append(s.entries, entry{token: s.taken, at: at, size: size})
	s.open++
	s.bytes += size
	s.end = Place{at.Offset + 1, at.Epoch}
	return s.taken
}

// Pass notes a record that nobody gets, such as the end of a transaction.
func (s *Span) Pass(at Place) { s.end = Place{at.Offset + 1, at.Epoch} }

// Settle acknowledges records and returns how many of them were open, and their
// bytes. Tokens that are not open are passed over.
func (s *Span) Settle(tokens []uint64) (n int, bytes int64) {
	for _, token := range tokens {
		i := s.find(token)
		if i < 0 || s.entries[i].done {
			continue
		}
		s.entries[i].done = true
		n++
		bytes += s.entries[i].size
	}
	s.open -= n
	s.bytes -= bytes
	for s.head < len(s.entries) && s.entries[s.head].done {
		s.head++
	}
	s.compact()
	return n, bytes
}

// find returns the index of a token, or -1.
func (s *Span) find(token uint64) int {
	rest := s.entries[s.head:]
	if len(rest) == 0 || token < rest[0].token {
		return -1
	}
	if i := token - rest[0].token; i < uint64(len(rest)) && rest[i].token == token {
		return s.head + int(i) // nothing was removed in between: the usual case
	}
	i := sort.Search(len(rest), func(i int) bool { return rest[i].token >= token })
	if i == len(rest) || rest[i].token != token {
		return -1
	}
	return s.head + i
}

// compact removes settled entries once they are more than the open ones.
func (s *Span) compact() {
	if len(s.entries) < 64 || len(s.entries) < 2*s.open {
		return
	}
	s.entries = slices.DeleteFunc(s.entries, func(e entry) bool { return e.done })
	s.head = 0
}

// Low is the place that may be committed, that of the lowest open record, and
// the last token below it.
func (s *Span) Low() (Place, uint64) {
	if s.head == len(s.entries) {
		return s.end, s.taken
	}
	e := s.entries[s.head]
	return e.at, e.token - 1
}

// End is the place behind the last record that was taken or passed.
func (s *Span) End() Place { return s.end }

// Open is how many records are open, and their bytes.
func (s *Span) Open() (n int, bytes int64) { return s.open, s.bytes }

// Committed notes that the records up to a token are committed.
func (s *Span) Committed(token uint64) { s.committed = max(s.committed, token) }

// Uncommitted is how many records were taken since the last that is committed.
func (s *Span) Uncommitted() int { return int(s.taken - s.committed) }
