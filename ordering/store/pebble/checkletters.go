package pebble

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// tally is what was counted of a route: the part of its ledger that the store
// derives, and its groups.
type tally struct {
	store.Ledger
	groups map[rows.Fingerprint]*grouped
}

// grouped is a group as it says it is, and as it was counted.
type grouped struct{ says, is groupCounts }

type groupCounts struct{ Dead, Keys, Parked int64 }

func (g groupCounts) String() string {
	return fmt.Sprintf("%d dead letters, %d keys, %d parked", g.Dead, g.Keys, g.Parked)
}

func (t *tally) of(f rows.Fingerprint) *grouped {
	if t.groups[f] == nil {
		t.groups[f] = &grouped{}
	}
	return t.groups[f]
}

// dead checks a dead letter, and that all indexes have it as it is.
func (c *checker) dead(r *route, key, value []byte) error {
	id := string(key[5:])
	d, _, err := readDead(r, id, value)
	if err != nil {
		return err
	}
	c.tally[r].Dead++
	print, ok := rows.ParseFingerprint(d.Fingerprint)
	if !ok {
		if print, err = c.s.fingerprint(r, d.At, id); err != nil {
			return err
		}
		d.Fingerprint = print.String()
	}
	c.tally[r].of(print).is.Dead++
	var bad error
	eachIndex(nil, r.number, id, &deadRow{name: d.Key, at: d.At, print: print}, func(key []byte) {
		bad = errors.Join(bad, c.indexed(key, &d))
	})
	return bad
}

// indexed checks the row of an index that a dead letter should have.
func (c *checker) indexed(key []byte, d *store.DeadLetter) error {
	var b store.Brief
	ok, err := c.s.view(key, func(v []byte) (err error) {
		b, err = rows.ReadBrief(v)
		return err
	})
	b.ID = d.ID
	switch want := d.Brief(); {
	case err != nil:
		return nil //nolint:nilerr // the row itself says so
	case !ok:
		return fmt.Errorf("%q is not in the index %q", d.ID, key[0])
	case !b.At.Equal(want.At) || b.Key != want.Key || b.Epoch != want.Epoch || b.Rev != want.Rev ||
		b.Lane != want.Lane || b.Reason != want.Reason || b.Fingerprint != want.Fingerprint:
		return fmt.Errorf("%q is in the index %q as something else", d.ID, key[0])
	}
	return nil
}

// index checks that what an index names is there, and stands in its place.
func (c *checker) index(r *route, key, value []byte) error {
	b, err := rows.ReadBrief(value)
	if err != nil {
		return err
	}
	print, _ := rows.ParseFingerprint(b.Fingerprint)
	t := rows.Table(key[0])
	want := rows.AppendRoute(nil, t, r.number)
	switch t {
	case rows.DeadByName:
		want = rows.AppendName(want, b.Key)
	case rows.DeadByGroup:
		want = append(want, print[:]...)
	case rows.Unmirrored:
		c.tally[r].Unmirrored++
	}
	want = rows.AppendTime(want, b.At)
	if !bytes.HasPrefix(key, want) {
		return errors.New("it does not stand where it belongs")
	}
	id := string(key[len(want):])
	d, ok, err := c.s.deadLetter(r, id)
	switch {
	case err != nil:
		return nil //nolint:nilerr // the dead letter itself says so
	case !ok || !d.At.Equal(b.At):
		return fmt.Errorf("there is no dead letter %q of %s", id, b.At)
	case d.Key != b.Key:
		return fmt.Errorf("dead letter %q is about %q, not %q", id, d.Key, b.Key)
	case d.Fingerprint != b.Fingerprint:
		return fmt.Errorf("dead letter %q is of group %s, not %s", id, d.Fingerprint, b.Fingerprint)
	}
	return nil
}

func (c *checker) group(r *route, key, value []byte) error {
	g, err := rows.ReadGroupRow(value)
	if err != nil {
		return err
	}
	var f rows.Fingerprint
	if n := copy(f[:], key[5:]); n != len(f) || len(key) != 5+n {
		return fmt.Errorf("%d bytes for a group", len(key)-5)
	}
	c.tally[r].of(f).says = groupCounts{g.Dead, g.Keys, g.Parked}
	return nil
}

func (c *checker) archived(r *route, key, value []byte) error {
	c.tally[r].Kept++
	_, err := readArchived(r, string(key[5:]), value)
	return err
}

func (c *checker) operation(_ *route, key, value []byte) error {
	o, err := rows.ReadOperation(value)
	if err == nil && o.ID != string(key[5:]) {
		err = fmt.Errorf("it is operation %q", o.ID)
	}
	return err
}

func (c *checker) event(r *route, key, value []byte) error {
	c.tally[r].Unsent++
	if _, err := rows.ReadEvent(value); err != nil {
		return err
	}
	seq, err := rows.SplitSeq(key)
	if err == nil && seq > r.outbox.told {
		err = fmt.Errorf("it is number %d, the last is %d", seq, r.outbox.told)
	}
	return err
}

func (c *checker) told(_ *route, _, value []byte) error {
	if len(value) != 8 {
		return fmt.Errorf("a number of %d bytes", len(value))
	}
	return nil
}

// openSkip checks that an open range is one that its lane has.
func (c *checker) openSkip(r *route, key, value []byte) error {
	c.tally[r].OpenSkips++
	name, epoch, err := rows.SplitOpenSkip(key)
	if err != nil {
		return err
	}
	s, err := rows.ReadSkip(value)
	if err != nil {
		return err
	}
	lane := rows.AppendLane(nil, rows.Skips, r.number, name, epoch)
	want := rows.AppendOpenSkip(nil, r.number, s.At, lane[5:], s.From)
	if !bytes.Equal(key, want) {
		return errors.New("it does not stand where it belongs")
	}
	return c.has(rows.AppendRevision(lane, s.From), fmt.Sprintf("lane %q has no range from %d", name, s.From))
}

// ofRoute is whose rows a key's are.
func ofRoute(key []byte) uint32 {
	if len(key) < 5 {
		return 0 // nobody's: routes are numbered from 1
	}
	return binary.BigEndian.Uint32(key[1:])
}
