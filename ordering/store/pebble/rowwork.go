package pebble

import (
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// look reads which of the rows that a change touches are there.
func (w *work) look(c *store.Change, at *rows.Head) error {
	for i := range c.Park {
		if err := w.lookParked(c.Park[i].Rev, at); err != nil {
			return err
		}
	}
	for _, r := range c.Unpark {
		if err := w.lookParked(r, at); err != nil {
			return err
		}
	}
	for i := range c.Mirrored {
		if err := w.lookDead(c.Mirrored[i].ID); err != nil {
			return err
		}
	}
	for _, id := range c.Gone {
		if err := w.lookDead(id); err != nil {
			return err
		}
	}
	for i := range c.Dead {
		if err := w.lookDead(c.Dead[i].ID); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) lookParked(r lane.Revision, at *rows.Head) error {
	if at.Rows == 0 {
		return nil // the zero row says the same
	}
	return w.lookAt(w.parkedKey(r), func(v []byte) (is row, err error) {
		is.size, _, err = rows.PeekParked(v)
		return is, err
	})
}

func (w *work) lookDead(id string) error {
	return w.lookAt(w.deadKey(id), func(v []byte) (is row, err error) {
		if is.name, is.at, err = rows.PeekDead(v); err != nil {
			return is, err
		}
		is.unmirrored, err = w.s.view(unmirroredKey(w.r.number, id), func([]byte) error { return nil })
		return is, err
	})
}

// lookAt finds out about a row, unless an earlier change has.
func (w *work) lookAt(key []byte, peek func([]byte) (row, error)) error {
	if _, ok := w.seen[string(key)]; ok {
		return nil
	}
	var is row
	exists, err := w.s.view(key, func(v []byte) (err error) {
		is, err = peek(v)
		return err
	})
	if err != nil {
		return err
	}
	is.exists = exists
	w.seen[string(key)] = is
	return nil
}

func (w *work) parkedKey(r lane.Revision) []byte {
	w.lane[0] = byte(rows.Parked)
	w.key = rows.AppendRevision(append(w.key[:0], w.lane...), r)
	return w.key
}

func (w *work) deadKey(id string) []byte {
	w.key = append(rows.AppendRoute(w.key[:0], rows.Dead, w.r.number), id...)
	return w.key
}

// putParked adds and removes parked rows.
func (w *work) putParked(c *store.Change, h *rows.Head) {
	for i := range c.Park {
		m := &c.Park[i]
		key := w.parkedKey(m.Rev)
		was, is := w.seen[string(key)], row{exists: true, size: m.Size()}
		if !was.exists {
			w.ledger.Parked++
			w.ledger.ParkedTotal++
			h.Rows++
		}
		w.ledger.ParkedBytes += is.size - was.size
		w.seen[string(key)] = is
		w.value = rows.AppendParked(w.value[:0], m)
		w.set(key, w.value)
	}
	for _, r := range c.Unpark {
		key := w.parkedKey(r)
		was := w.seen[string(key)]
		if !was.exists {
			continue
		}
		w.ledger.Parked--
		w.ledger.ParkedBytes -= was.size
		h.Rows--
		w.seen[string(key)] = row{}
		w.delete(key)
	}
}

// unmirroredKey is the key of a dead letter in the index of those that are not
// mirrored.
func unmirroredKey(route uint32, id string) []byte {
	return append(rows.AppendRoute(nil, rows.Unmirrored, route), id...)
}

// putMirrored takes dead letters out of that index.
func (w *work) putMirrored(c *store.Change) {
	for _, m := range c.Mirrored {
		key := w.deadKey(m.ID)
		is := w.seen[string(key)]
		if !is.unmirrored || !is.at.Equal(m.At) {
			continue
		}
		is.unmirrored = false
		w.seen[string(key)] = is
		w.ledger.Unmirrored--
		w.delete(unmirroredKey(w.r.number, m.ID))
	}
}

// putDead removes and adds dead letters.
func (w *work) putDead(c *store.Change) {
	for _, id := range c.Gone {
		key := w.deadKey(id)
		was := w.seen[string(key)]
		if !was.exists {
			continue
		}
		w.ledger.Dead--
		w.seen[string(key)] = row{}
		w.delete(key)
		w.delete(w.indexKey(was.name, id))
		if was.unmirrored {
			w.ledger.Unmirrored--
			w.delete(unmirroredKey(w.r.number, id))
		}
	}
	for i := range c.Dead {
		d := &c.Dead[i]
		key := w.deadKey(d.ID)
		was := w.seen[string(key)]
		w.seen[string(key)] = row{exists: true, name: d.Key, at: d.At, unmirrored: true}
		w.value = rows.AppendDead(w.value[:0], d)
		w.set(key, w.value)
		switch {
		case !was.exists:
			w.ledger.Dead++
			w.ledger.DeadLettered++
		case !d.Lane:
			w.ledger.Duplicates++
		}
		if was.exists && was.name != d.Key {
			w.delete(w.indexKey(was.name, d.ID))
		}
		w.set(w.indexKey(d.Key, d.ID), nil)
		if !was.unmirrored {
			w.ledger.Unmirrored++
			w.set(unmirroredKey(w.r.number, d.ID), nil)
		}
	}
}

// indexKey is the key of a dead letter in the index by what it is about.
func (w *work) indexKey(name, id string) []byte {
	w.key = rows.AppendName(rows.AppendRoute(w.key[:0], rows.DeadByName, w.r.number), name)
	w.key = append(w.key, id...)
	return w.key
}
