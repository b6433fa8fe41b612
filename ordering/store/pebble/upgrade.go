package pebble

import (
	"errors"
	"fmt"

	pdb "github.com/cockroachdb/pebble/v2"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// upgradeRow of Meta holds the format from which the store is being brought to
// this one. One that was cut short begins anew.
const upgradeRow = "upgrade"

// upgrade brings a store to this format. It is marked first, before anything is
// written that an older program would not understand. Old tables stay until all is
// done: the new ones are made of them.
func (s *Store) upgrade(from byte) error {
	if v, ok, err := s.get(metaKey(upgradeRow)); err != nil {
		return err
	} else if ok && len(v) == 1 {
		from = v[0]
	}
	if from == format {
		return nil
	}
	b := s.db.NewBatch()
	_ = b.Set(metaKey("format"), []byte{format}, nil)
	_ = b.Set(metaKey(upgradeRow), []byte{from}, nil)
	if err := s.write(b, true); err != nil {
		return err
	}
	if from < 5 {
		if err := s.upgradeIndexes(from); err != nil {
			return err
		}
	}
	b = s.db.NewBatch()
	for _, t := range [...]rows.Table{rows.OldDeadByName, rows.OldUnmirrored} {
		_ = b.DeleteRange([]byte{byte(t)}, []byte{byte(t) + 1}, nil)
	}
	_ = b.Delete(metaKey(upgradeRow), nil)
	return s.write(b, true)
}

// upgradeIndexes makes the tables of format 5 of those before it.
func (s *Store) upgradeIndexes(from byte) error {
	for name, r := range s.routes {
		if err := s.upgradeRoute(r, from); err != nil {
			return fmt.Errorf("route %q: %w", name, err)
		}
	}
	if err := s.hashAudits(); err != nil {
		return fmt.Errorf("audit rows: %w", err)
	}
	return nil
}

func (s *Store) upgradeRoute(r *route, from byte) error {
	if err := s.forgetIndexes(r); err != nil {
		return err
	}
	if err := s.indexLetters(r, from == 1); err != nil {
		return fmt.Errorf("dead letters: %w", err)
	}
	if err := s.groupLetters(r); err != nil {
		return fmt.Errorf("groups: %w", err)
	}
	if err := s.findCauses(r); err != nil {
		return fmt.Errorf("lanes: %w", err)
	}
	b := s.db.NewBatch()
	_ = b.Set(rows.AppendRoute(nil, rows.Ledgers, r.number), rows.AppendLedger(nil, r.ledger), nil)
	return s.write(b, false)
}

// forgetIndexes removes what an upgrade that was cut short has made.
func (s *Store) forgetIndexes(r *route) error {
	b := s.db.NewBatch()
	for _, t := range [...]rows.Table{rows.DeadByTime, rows.DeadByName, rows.DeadByGroup, rows.Unmirrored, rows.Groups} {
		prefix := rows.AppendRoute(nil, t, r.number)
		_ = b.DeleteRange(prefix, rows.End(prefix), nil)
	}
	return s.write(b, false)
}

// bulk is a batch that is written whenever it has grown.
type bulk struct {
	s *Store
	b *pdb.Batch
}

func (s *Store) bulk() *bulk { return &bulk{s, s.db.NewBatch()} }

func (k *bulk) set(key, value []byte) { _ = k.b.Set(key, value, nil) }

// writeGrown writes it if it has grown.
func (k *bulk) writeGrown() error {
	if k.b.Len() < batchBytes {
		return nil
	}
	full := k.b
	k.b = k.s.db.NewBatch()
	return k.s.write(full, false)
}

// end writes what is left, unless there was an error.
func (k *bulk) end(err error) error {
	if err != nil {
		return errors.Join(err, k.b.Close())
	}
	return k.s.write(k.b, false)
}

// indexLetters puts the dead letters of a route into the indexes. In format 1, none
// was ever mirrored.
func (s *Store) indexLetters(r *route, allUnmirrored bool) error {
	dead := rows.AppendRoute(nil, rows.Dead, r.number)
	k := s.bulk()
	var value []byte
	r.ledger.Unmirrored = 0
	return k.end(s.scan(dead, rows.End(dead), func(key, row []byte) (bool, error) {
		id := string(key[len(dead):])
		d, err := rows.ReadDead(row)
		if err != nil {
			return false, fmt.Errorf("%q: %w", id, err)
		}
		d.ID = id
		is := deadRow{name: d.Key, at: d.At, print: rows.FingerprintOf(&d), unmirrored: allUnmirrored}
		if !is.unmirrored {
			old := append(rows.AppendRoute(nil, rows.OldUnmirrored, r.number), id...)
			if is.unmirrored, err = s.view(old, func([]byte) error { return nil }); err != nil {
				return false, err
			}
		}
		value = rows.AppendBrief(value[:0], &d, is.print)
		eachIndex(nil, r.number, id, &is, func(key []byte) { k.set(key, value) })
		if is.unmirrored {
			r.ledger.Unmirrored++
			k.set(unmirroredKey(r.number, d.At, id), value)
		}
		return true, k.writeGrown()
	}))
}

// groupLetters makes the groups of what is in the index by group: there they stand
// side by side, so that only one is in memory.
func (s *Store) groupLetters(r *route) error {
	prefix := rows.AppendRoute(nil, rows.DeadByGroup, r.number)
	k := s.bulk()
	var of rows.Fingerprint
	var g group
	var last string
	end := func() error {
		if g.Dead == 0 {
			return nil
		}
		d, _, err := s.deadLetter(r, last)
		g.give(&d)
		k.set(rows.AppendGroup(nil, r.number, of), rows.AppendGroupRow(nil, &g.Group))
		return errors.Join(err, k.writeGrown())
	}
	err := s.scan(prefix, rows.End(prefix), func(key, value []byte) (bool, error) {
		d, err := rows.ReadBrief(value)
		if err != nil {
			return false, err
		}
		if f := rows.Fingerprint(key[len(prefix):][:len(of)]); f != of {
			if err := end(); err != nil {
				return false, err
			}
			of, g = f, group{Group: store.Group{First: d.At}}
		}
		g.Dead++
		last = string(key[len(prefix)+len(of)+8:])
		return true, nil
	})
	if err == nil {
		err = end()
	}
	return k.end(err)
}

// findCauses finds the dead letters that quarantined lanes wait for.
func (s *Store) findCauses(r *route) error {
	if s.fold(r); r.journal.bytes > 0 { // what is in the journal is newer than what is written here
		return errors.Join(s.failure(), errors.New("the journal could not be folded"))
	}
	prefix := rows.AppendRoute(nil, rows.Records, r.number)
	return s.scan(prefix, rows.End(prefix), func(key, value []byte) (bool, error) {
		h, rec, err := rows.ReadRecord(value)
		if err != nil || rec.State.Mode != lane.Quarantined {
			return true, err
		}
		name, epoch, _, err := rows.SplitLane(key)
		if err != nil {
			return false, err
		}
		rec.Key = store.Key{Route: r.identity.Route, Name: name, Epoch: epoch}
		if h.Cause, err = s.findCause(r, &rec); err != nil || h.Cause == noCause {
			return true, err
		}
		return true, s.setCause(r, key, h, &rec)
	})
}

// findCause looks for the dead letter at a lane's head.
func (s *Store) findCause(r *route, rec *store.Record) (f rows.Fingerprint, err error) {
	prefix := rows.AppendName(rows.AppendRoute(nil, rows.DeadByName, r.number), rec.Key.Name)
	err = s.scan(prefix, rows.End(prefix), func(_, value []byte) (bool, error) {
		d, err := rows.ReadBrief(value)
		if err == nil && d.Lane && d.Epoch == rec.Key.Epoch && d.Rev == rec.State.Next {
			f, _ = rows.ParseFingerprint(d.Fingerprint)
		}
		return true, err
	})
	return f, err
}

// setCause writes the cause of a lane, and counts the lane in the group.
func (s *Store) setCause(r *route, key []byte, h rows.Head, rec *store.Record) error {
	at := rows.AppendGroup(nil, r.number, h.Cause)
	row, _, err := s.get(at)
	if err != nil {
		return err
	}
	g, err := rows.ReadGroupRow(row)
	if err != nil {
		return err
	}
	g.Keys++
	g.Parked += int64(h.Rows)
	b := s.db.NewBatch()
	_ = b.Set(at, rows.AppendGroupRow(nil, &g), nil)
	_ = b.Set(key, rows.AppendRecord(nil, h, rec), nil)
	return s.write(b, false)
}

// hashAudits chains the rows that have no hash yet.
func (s *Store) hashAudits() error {
	prefix := []byte{byte(rows.Audits)}
	k := s.bulk()
	var h auditHead
	err := s.scan(prefix, rows.End(prefix), func(key, value []byte) (bool, error) {
		seq, err := rows.SplitSeq(key)
		if err != nil {
			return false, err
		}
		a, err := rows.ReadAudit(value)
		if err != nil {
			return false, fmt.Errorf("%d: %w", seq, err)
		}
		h.seq = seq - 1
		h.next(&a)
		k.set(append([]byte(nil), key...), rows.AppendAudit(nil, &a))
		return true, k.writeGrown()
	})
	if h.seq > 0 {
		k.set(metaKey(auditedRow), rows.AppendAuditHead(nil, h.seq, h.hash))
	}
	return k.end(err)
}
