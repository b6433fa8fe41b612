// Package check judges what a consumer of the demo's topic really finds there,
// and whether every message is somewhere.
package check

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/brokerbridge/bridge/bridge/demo/internal/stream"
)

// Record is one record of the topic.
type Record struct {
	Partition int32
	Key       string // the record's own
	ByKey     string // header bridge-key
	Revision  string // header bridge-revision
	Body      []byte
}

// Reader is a consumer that trusts nobody: it takes the records of each
// partition in the order of their offsets and notes what should not be there.
// The zero value is ready.
type Reader struct {
	Records int
	Faults  Faults
	keys    map[string]*keyRead
}

// Faults are what a reader found wrong, by kind.
type Faults struct {
	Swapped  []string // a revision behind a later one of its key
	Holes    []string // a revision whose predecessor was never seen
	Repeated []string
	Altered  []string // other content than was sent, or not sent at all
	Astray   []string // a key in two partitions, or a record whose key is not its message's
}

type keyRead struct {
	partition int32
	highest   int64
	seen      map[int64]bool
}

// Read takes the next record.
func (r *Reader) Read(rec Record) {
	r.Records++
	rev, err := strconv.ParseInt(rec.Revision, 10, 64)
	if err != nil || rec.ByKey == "" || rec.Key != rec.ByKey {
		note(&r.Faults.Astray, "a record of key %q says bridge-key %q, bridge-revision %q", rec.Key, rec.ByKey, rec.Revision)
		return
	}
	p := stream.Place{Key: rec.ByKey, Rev: rev}
	k := r.key(rec)
	if k.partition != rec.Partition {
		note(&r.Faults.Astray, "%s is in partitions %d and %d", rec.Key, k.partition, rec.Partition)
	}
	if !bytes.Equal(rec.Body, stream.Body(p)) {
		note(&r.Faults.Altered, "%s has other content than was sent", name(p))
	}
	switch {
	case k.seen[rev]:
		note(&r.Faults.Repeated, "%s came twice", name(p))
	case rev < k.highest:
		note(&r.Faults.Swapped, "%s came behind revision %d", name(p), k.highest)
	case rev > k.highest+1:
		note(&r.Faults.Holes, "%s came right behind revision %d", name(p), k.highest)
	}
	k.seen[rev] = true
	k.highest = max(k.highest, rev)
}

func (r *Reader) key(rec Record) *keyRead {
	if r.keys == nil {
		r.keys = map[string]*keyRead{}
	}
	k := r.keys[rec.ByKey]
	if k == nil {
		k = &keyRead{partition: rec.Partition, seen: map[int64]bool{}}
		r.keys[rec.ByKey] = k
	}
	return k
}

// Has reports whether a revision was read.
func (r *Reader) Has(p stream.Place) bool {
	k := r.keys[p.Key]
	return k != nil && k.seen[p.Rev]
}

// Distinct is how many different revisions were read.
func (r *Reader) Distinct() int {
	n := 0
	for _, k := range r.keys {
		n += len(k.seen)
	}
	return n
}

// Kept is what the bridge's store holds.
type Kept struct {
	Parked map[stream.Place]bool
	Dead   map[stream.Place]bool // those that stand at their place in the order
}

// Places says where the events are.
type Places struct {
	Delivered, Parked, Dead int
	Lost                    []string // sent and nowhere
	Twice                   []string // in Kafka and still in the store
	Unsent                  []string // somewhere and never sent
}

// Find looks for every event of a stream in what was read and what is kept.
func Find(s *stream.Stream, r *Reader, kept Kept) Places {
	var found Places
	for i := range len(s.Last) {
		key := stream.KeyName(i)
		for rev := int64(1); rev <= s.Last[key]; rev++ {
			p := stream.Place{Key: key, Rev: rev}
			found.add(p, s.Sent(p), r.Has(p), kept.Parked[p], kept.Dead[p])
		}
	}
	return found
}

func (f *Places) add(p stream.Place, sent, read, parked, dead bool) {
	n := 0
	for _, in := range []struct {
		there bool
		count *int
	}{{read, &f.Delivered}, {parked, &f.Parked}, {dead, &f.Dead}} {
		if in.there {
			n++
			*in.count++
		}
	}
	switch {
	case sent && n == 0:
		note(&f.Lost, "%s was sent and is nowhere", name(p))
	case n > 1:
		note(&f.Twice, "%s is in more than one place", name(p))
	case !sent && n > 0:
		note(&f.Unsent, "%s was never sent and is there", name(p))
	}
}

func name(p stream.Place) string { return fmt.Sprintf("%s revision %d", p.Key, p.Rev) }

func note(list *[]string, format string, args ...any) {
	*list = append(*list, fmt.Sprintf(format, args...))
}
