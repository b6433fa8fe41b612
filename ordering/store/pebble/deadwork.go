package pebble

import (
	"time"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// deadRow is what is known of a dead letter. It is replaced, never changed.
type deadRow struct {
	name       string // the key it is about
	at         time.Time
	print      rows.Fingerprint
	unmirrored bool // it is in the index of those
}

// lookLetters reads what a change does to dead letters and to their groups.
func (w *work) lookLetters(c *store.Change, at *rows.Head) error {
	for i := range c.Mirrored {
		if err := w.lookDead(c.Mirrored[i].ID); err != nil {
			return err
		}
	}
	for _, id := range c.Gone {
		if err := w.lookDeadAndGroup(id); err != nil {
			return err
		}
	}
	w.prints = w.prints[:0]
	for i := range c.Dead {
		w.prints = append(w.prints, rows.FingerprintOf(&c.Dead[i]))
		if err := w.lookGroup(w.prints[i]); err != nil {
			return err
		}
		if err := w.lookDeadAndGroup(c.Dead[i].ID); err != nil {
			return err
		}
	}
	if at == nil || at.Cause == noCause {
		return nil
	}
	return w.lookGroup(at.Cause)
}

func (w *work) lookDead(id string) error {
	return w.lookAt(w.deadKey(id), func(v []byte) (is row, err error) {
		d := &deadRow{}
		if d.name, d.at, d.print, err = rows.PeekDead(v); err != nil {
			return is, err
		}
		if d.print == noCause {
			if d.print, err = w.s.fingerprint(w.r, d.at, id); err != nil {
				return is, err
			}
		}
		is.dead = d
		d.unmirrored, err = w.s.view(unmirroredKey(w.r.number, d.at, id), func([]byte) error { return nil })
		return is, err
	})
}

func (w *work) lookDeadAndGroup(id string) error {
	if err := w.lookDead(id); err != nil {
		return err
	}
	if is := w.seen[string(w.deadKey(id))].dead; is != nil {
		return w.lookGroup(is.print)
	}
	return nil
}

func (w *work) deadKey(id string) []byte {
	w.key = append(rows.AppendRoute(w.key[:0], rows.Dead, w.r.number), id...)
	return w.key
}

// unmirroredKey is the key of a dead letter in the index of those that are not
// mirrored.
func unmirroredKey(route uint32, at time.Time, id string) []byte {
	return rows.AppendPlace(rows.AppendRoute(nil, rows.Unmirrored, route), at, id)
}

// putMirrored takes dead letters out of that index.
func (w *work) putMirrored(c *store.Change) {
	for _, m := range c.Mirrored {
		key := w.deadKey(m.ID)
		is := w.seen[string(key)]
		if is.dead == nil || !is.dead.unmirrored || !is.dead.at.Equal(m.At) {
			continue
		}
		d := *is.dead
		d.unmirrored = false
		is.dead = &d
		w.seen[string(key)] = is
		w.ledger.Unmirrored--
		w.delete(unmirroredKey(w.r.number, m.At, m.ID))
	}
}

// putDead removes and adds dead letters.
func (w *work) putDead(c *store.Change) {
	for _, id := range c.Gone {
		key := w.deadKey(id)
		was := w.seen[string(key)].dead
		if was == nil {
			continue
		}
		w.ledger.Dead--
		w.seen[string(key)] = row{}
		w.delete(key)
		w.deleteIndexes(id, was)
		w.group(was.print).Dead--
	}
	for i := range c.Dead {
		w.putLetter(&c.Dead[i], w.prints[i])
	}
}

func (w *work) putLetter(d *store.DeadLetter, print rows.Fingerprint) {
	key := w.deadKey(d.ID)
	was, is := w.seen[string(key)].dead, &deadRow{d.Key, d.At, print, true}
	w.seen[string(key)] = row{exists: true, dead: is}
	w.value = rows.AppendDead(w.value[:0], d, print)
	w.set(key, w.value)
	switch {
	case was == nil:
		w.ledger.Dead++
		w.ledger.DeadLettered++
	case !d.Lane:
		w.ledger.Duplicates++
	}
	if was != nil {
		w.deleteIndexes(d.ID, was)
		w.group(was.print).Dead--
	}
	w.value = rows.AppendBrief(w.value[:0], d, print)
	eachIndex(w.key[:0], w.r.number, d.ID, is, func(key []byte) { w.set(key, w.value) })
	w.set(unmirroredKey(w.r.number, d.At, d.ID), w.value)
	w.ledger.Unmirrored++
	g := w.group(print)
	g.Dead++
	g.give(d)
}

func (w *work) deleteIndexes(id string, was *deadRow) {
	eachIndex(w.key[:0], w.r.number, id, was, w.delete)
	if was.unmirrored {
		w.ledger.Unmirrored--
		w.delete(unmirroredKey(w.r.number, was.at, id))
	}
}

// eachIndex shows the keys of a dead letter in the indexes that hold all of them.
func eachIndex(key []byte, route uint32, id string, d *deadRow, see func(key []byte)) {
	key = rows.AppendRoute(key[:0], rows.DeadByTime, route)
	see(rows.AppendPlace(key, d.at, id))
	key = rows.AppendName(rows.AppendRoute(key[:0], rows.DeadByName, route), d.name)
	see(rows.AppendPlace(key, d.at, id))
	key = append(rows.AppendRoute(key[:0], rows.DeadByGroup, route), d.print[:]...)
	see(rows.AppendPlace(key, d.at, id))
}
