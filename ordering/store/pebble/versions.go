package pebble

import (
	"sync"

	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// versionBytes bounds a generation of remembered heads. 16 MiB are some 100,000
// lanes with short keys.
const versionBytes = 16 << 20

// versions remembers the heads of the lanes read and committed lately, so that a
// commit need not read what it replaces. The store is the only writer of its files, so
// what is remembered is true; a head itself belongs to the turn of its lane's
// route. There are two generations: when the young one is full, the old one is
// forgotten.
//
// A head that is forgotten while a commit has it is not brought up to date with
// it. So a commit in which that may have happened has all forgotten, and what was
// read before something was forgotten is not remembered.
type versions struct {
	mu         sync.Mutex
	young, old map[string]*rows.Head
	limit      int
	bytes      int    // of young
	forgot     uint64 // how often something was
}

// overhead is about what an entry takes beside its key.
const overhead = 96

func newVersions(limit int) *versions {
	return &versions{young: map[string]*rows.Head{}, limit: limit}
}

// get returns the head of a lane, nil if it is not remembered.
func (v *versions) get(lane []byte) *rows.Head {
	v.mu.Lock()
	defer v.mu.Unlock()
	if h := v.young[string(lane)]; h != nil {
		return h
	}
	h := v.old[string(lane)]
	if h != nil {
		v.put(lane, h)
	}
	return h
}

// add remembers the head of a lane.
func (v *versions) add(lane []byte, h *rows.Head) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.put(lane, h)
}

// forgotten is how often something was forgotten.
func (v *versions) forgotten() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.forgot
}

// addRead remembers the head of a lane that was read, unless it is known or
// something was forgotten since.
func (v *versions) addRead(lane []byte, h rows.Head, forgotten uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.forgot != forgotten || v.young[string(lane)] != nil || v.old[string(lane)] != nil {
		return
	}
	v.put(lane, &h)
}

// forgetSince forgets all if something was forgotten since.
func (v *versions) forgetSince(forgotten uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.forgot != forgotten {
		v.forgot++
		v.young, v.old, v.bytes = map[string]*rows.Head{}, nil, 0
	}
}

func (v *versions) put(lane []byte, h *rows.Head) {
	if v.bytes > v.limit {
		v.forgot++
		v.young, v.old, v.bytes = make(map[string]*rows.Head, len(v.young)), v.young, 0
	}
	v.young[string(lane)] = h
	v.bytes += len(lane) + overhead
}
