package memory

import (
	"context"
	"errors"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

var errTwice = errors.New("store: a commit names a lane twice")

// Commit implements store.Store.
func (s *Store) Commit(ctx context.Context, changes ...store.Change) []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := make([]error, len(changes))
	named := map[store.Key]bool{}
	for i := range changes {
		errs[i] = s.commit(ctx, &changes[i], named)
	}
	return errs
}

func (s *Store) commit(ctx context.Context, c *store.Change, named map[store.Key]bool) error {
	r, err := s.open(ctx, c.Key.Route)
	if err != nil {
		return err
	}
	if err := c.Valid(); err != nil {
		return err
	}
	if c.Record != nil {
		if named[c.Key] {
			return errTwice
		}
		if r.version(c.Key) != c.Version {
			return store.ErrConflict
		}
		named[c.Key] = true
	}
	r.apply(c)
	s.audit(c)
	return nil
}

func (r *route) version(k store.Key) uint64 {
	if e := r.lanes[k]; e != nil {
		return e.record.Version
	}
	return 0
}

func (r *route) apply(c *store.Change) {
	r.ledger = r.ledger.Add(c.Ledger.Given())
	defer r.endGroups()
	r.applyDead(c)
	r.archive(c)
	r.operate(c)
	r.tell(c)
	for _, s := range c.Seen {
		r.seen[s.Print] = max(r.seen[s.Print], s.Era)
	}
	if c.Record == nil {
		return
	}
	e := r.lanes[c.Key]
	if e == nil {
		e = newEntry()
		r.lanes[c.Key] = e
	}
	r.waits(e.cause, -1, len(e.parked))
	for _, m := range c.Park {
		r.park(e, copyMessage(m))
	}
	for _, rev := range c.Unpark {
		r.unpark(e, rev)
	}
	r.skip(e, c)
	e.cause = causeOf(c, e.cause)
	r.waits(e.cause, 1, len(e.parked))
	e.record = *c.Record
	e.record.Key, e.record.Version = c.Key, c.Version+1
	e.record.Since, e.record.Due = plain(c.Record.Since), plain(c.Record.Due)
}

func (r *route) park(e *entry, m store.Message) {
	was, ok := e.parked[m.Rev]
	if !ok {
		r.ledger.Parked++
		r.ledger.ParkedTotal++
	}
	r.ledger.ParkedBytes += m.Size() - was.Size()
	e.parked[m.Rev] = m
}

func (r *route) unpark(e *entry, rev lane.Revision) {
	was, ok := e.parked[rev]
	if !ok {
		return
	}
	r.ledger.Parked--
	r.ledger.ParkedBytes -= was.Size()
	delete(e.parked, rev)
}

func (r *route) applyDead(c *store.Change) {
	for _, m := range c.Mirrored {
		if d, ok := r.dead[m.ID]; ok && d.At.Equal(m.At) {
			r.unmirrored(m.ID, false)
		}
	}
	for _, id := range c.Gone {
		if d, ok := r.dead[id]; ok {
			r.ledger.Dead--
			r.went(&d)
			delete(r.dead, id)
			r.unmirrored(id, false)
		}
	}
	for _, d := range c.Dead {
		was, known := r.dead[d.ID]
		switch {
		case !known:
			r.ledger.Dead++
			r.ledger.DeadLettered++
		case !d.Lane:
			r.ledger.Duplicates++
		}
		d = copyDead(d)
		d.Route, d.Fingerprint = c.Key.Route, store.FingerprintOf(&d)
		if known && was.Fingerprint != d.Fingerprint {
			r.went(&was)
		}
		r.came(&d, !known || was.Fingerprint != d.Fingerprint)
		r.dead[d.ID] = d
		r.unmirrored(d.ID, true)
	}
}

// unmirrored notes whether a dead letter waits for its copy.
func (r *route) unmirrored(id string, waits bool) {
	delete(r.pending, id)
	if waits {
		r.pending[id] = true
	}
	r.ledger.Unmirrored = int64(len(r.pending))
}
