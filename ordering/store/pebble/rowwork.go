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
	if err := w.lookLetters(c, at); err != nil {
		return err
	}
	if err := w.lookSkips(c); err != nil {
		return err
	}
	return w.lookAside(c)
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
