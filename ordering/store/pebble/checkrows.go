package pebble

import (
	"context"
	"errors"
	"fmt"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// checker reads all rows of a store, table by table.
type checker struct {
	*Report
	s      *Store
	routes map[uint32]*route
	tally  map[*route]*tally
	table  string
}

// tables are the checks of a row, by table. Each looks for what should be beside
// the row; whether it should be there itself is for the checks of others.
func (c *checker) tables() map[rows.Table]tableCheck {
	return map[rows.Table]tableCheck{
		rows.Meta:        {"meta", func(*route, []byte, []byte) error { return nil }},
		rows.Routes:      {"routes", func(*route, []byte, []byte) error { return nil }}, // recall has read them
		rows.Ledgers:     {"ledgers", c.ledger},
		rows.Journal:     {"journal", c.journal},
		rows.Blocked:     {"blocked", c.blocked},
		rows.Parked:      {"parked", c.parked},
		rows.Skips:       {"skips", c.skip},
		rows.Dead:        {"dead letters", c.dead},
		rows.DeadByTime:  {"dead letters by time", c.index},
		rows.DeadByName:  {"dead letters by key", c.index},
		rows.DeadByGroup: {"dead letters by group", c.index},
		rows.Unmirrored:  {"dead letters without a mirror", c.index},
		rows.Groups:      {"groups", c.group},
		rows.Archive:     {"archive", c.archived},
		rows.Operations:  {"operations", c.operation},
		rows.Events:      {"events", c.event},
		rows.Told:        {"events", c.told},
		rows.OpenSkips:   {"open skips", c.openSkip},
		rows.Audits:      {"audit", c.audit},
		rows.AuditByKey:  {"audit by key", c.auditByKey},
		rows.Positions:   {"positions", c.position},
		rows.Seen:        {"seen", c.seen},
	}
}

type tableCheck struct {
	name string
	row  func(r *route, key, value []byte) error // of which rows it is said, may be nil
}

// global are the tables that belong to no route.
var global = map[rows.Table]bool{rows.Meta: true, rows.Routes: true, rows.Audits: true}

func (r *Report) checkRows(ctx context.Context, s *Store) error {
	c := &checker{Report: r, s: s, routes: map[uint32]*route{}, tally: map[*route]*tally{}}
	for _, route := range s.routes {
		c.routes[route.number] = route
		c.tally[route] = &tally{groups: map[rows.Fingerprint]*grouped{}}
	}
	tables := c.tables()
	err := s.scan(nil, nil, func(key, value []byte) (bool, error) {
		c.Rows++
		t := rows.Table(key[0])
		if t != rows.Records { // those of the journal count more: see records
			c.row(tables, key, value)
		}
		return c.Rows%1024 != 0 || ctx.Err() == nil, nil
	})
	if err == nil {
		err = ctx.Err()
	} else {
		r.add(Problem{File: fileOf(err, s.dir), Is: withDetails(err)})
		err = nil
	}
	if err != nil {
		return err
	}
	for _, route := range s.routes {
		c.records(route)
		c.counts(route)
	}
	return c.audits(ctx)
}

func (c *checker) row(tables map[rows.Table]tableCheck, key, value []byte) {
	t := rows.Table(key[0])
	check, known := tables[t]
	if !known {
		c.add(Problem{Table: fmt.Sprintf("table %q", t), Row: fmt.Sprintf("%x", key), Is: "no table of this format"})
		return
	}
	c.table = check.name
	var r *route
	if !global[t] {
		if r = c.routes[ofRoute(key)]; r == nil {
			c.wrong(nil, fmt.Sprintf("%x", key), errors.New("it belongs to no route"))
			return
		}
	}
	if err := check.row(r, key, value); err != nil {
		c.wrong(r, fmt.Sprintf("%x", key), err)
	}
}

// wrong reports a row, with its key as it is where nothing better is known.
func (c *checker) wrong(r *route, row string, err error) {
	if r != nil {
		row = fmt.Sprintf("%s of route %q", row, r.identity.Route)
	}
	c.add(Problem{Table: c.table, Row: row, Is: err.Error()})
}

// has looks for a row that should be there.
func (c *checker) has(key []byte, what string) error {
	ok, err := c.s.view(key, func([]byte) error { return nil })
	if err == nil && !ok {
		err = errors.New(what)
	}
	return err
}

// records checks the lanes of a route, newest first.
func (c *checker) records(r *route) {
	c.table = "lanes"
	prefix := rows.AppendRoute(nil, rows.Records, r.number)
	err := c.s.scanRecords(r)(prefix, rows.End(prefix), func(key, value []byte) (bool, error) {
		name, epoch, _, err := rows.SplitLane(key)
		if err == nil {
			err = c.record(r, key, value)
		}
		if err != nil {
			c.wrong(r, fmt.Sprintf("%q in epoch %d", name, epoch), err)
		}
		return true, nil
	})
	if err != nil {
		c.wrong(r, "all", err)
	}
}

func (c *checker) record(r *route, key, value []byte) error {
	h, rec, err := rows.ReadRecord(value)
	if err != nil {
		return err
	}
	index := append([]byte{byte(rows.Blocked)}, key[1:]...)
	indexed, err := c.s.view(index, func([]byte) error { return nil })
	if err != nil {
		return err
	}
	if indexed != rec.Blocked() {
		return fmt.Errorf("it is blocked: %t, in the index of the blocked: %t", rec.Blocked(), indexed)
	}
	parked := append([]byte{byte(rows.Parked)}, key[1:]...)
	var n uint64
	if err := c.s.scan(parked, rows.End(parked), func(_, _ []byte) (bool, error) { n++; return true, nil }); err != nil {
		return err
	}
	if h.Cause != noCause {
		g := c.tally[r].of(h.Cause)
		g.is.Keys++
		g.is.Parked += int64(n)
	}
	if n != h.Rows {
		return fmt.Errorf("it has %d parked messages, it says %d", n, h.Rows)
	}
	return nil
}

// counts compares a route's ledger with what was counted.
func (c *checker) counts(r *route) {
	c.table = "ledgers"
	is, want := r.counts(), c.tally[r]
	for _, n := range derived(&is, &want.Ledger) {
		if n.is != n.want {
			c.wrong(r, n.name, fmt.Errorf("it says %d, there are %d", n.is, n.want))
		}
	}
	c.table = "groups"
	for f, g := range want.groups {
		if g.is != g.says {
			c.wrong(r, f.String(), fmt.Errorf("it says %s, there are %s", g.says, g.is))
		}
	}
}

type compared struct {
	name     string
	is, want int64
}

func derived(is, want *store.Ledger) []compared {
	return []compared{
		{"parked", is.Parked, want.Parked},
		{"parked_bytes", is.ParkedBytes, want.ParkedBytes},
		{"dead", is.Dead, want.Dead},
		{"unmirrored", is.Unmirrored, want.Unmirrored},
		{"kept", is.Kept, want.Kept},
		{"open_skips", is.OpenSkips, want.OpenSkips},
		{"unsent", is.Unsent, want.Unsent},
	}
}

func (c *checker) ledger(_ *route, _, value []byte) error {
	_, err := rows.ReadLedger(value)
	return err
}

func (c *checker) journal(_ *route, _, value []byte) error {
	var bad error
	err := rows.ReadJournal(value, func(_, record []byte) {
		if _, _, err := rows.ReadRecord(record); err != nil {
			bad = errors.Join(bad, err)
		}
	})
	return errors.Join(err, bad)
}

func (c *checker) blocked(r *route, key, _ []byte) error {
	ok, err := c.s.viewRecord(r, append([]byte{byte(rows.Records)}, key[1:]...), func([]byte) error { return nil })
	if err == nil && !ok {
		err = errors.New("there is no such lane")
	}
	return err
}

func (c *checker) parked(r *route, key, value []byte) error {
	m, err := rows.ReadParked(value)
	if err != nil {
		return err
	}
	c.tally[r].Parked++
	c.tally[r].ParkedBytes += m.Size()
	_, _, rest, err := rows.SplitLane(key)
	if err != nil {
		return err
	}
	rev, err := rows.SplitRevision(rest)
	switch {
	case err != nil:
		return err
	case rev != m.Rev:
		return fmt.Errorf("it holds revision %d", m.Rev)
	}
	lane := append([]byte{byte(rows.Records)}, key[1:len(key)-8]...)
	if ok, err := c.s.viewRecord(r, lane, func([]byte) error { return nil }); err != nil || !ok {
		return errors.Join(err, errors.New("there is no such lane"))
	}
	return nil
}

func (c *checker) skip(_ *route, _, value []byte) error {
	s, err := rows.ReadSkip(value)
	if err == nil && s.From > s.To {
		err = fmt.Errorf("from %d to %d", s.From, s.To)
	}
	return err
}

func (c *checker) audit(_ *route, key, value []byte) error {
	seq, err := rows.SplitSeq(key)
	if err != nil {
		return err
	}
	a, err := rows.ReadAudit(value)
	if err != nil {
		return fmt.Errorf("row %d: %w", seq, err)
	}
	r, err := c.s.route(a.Route)
	if err != nil {
		return fmt.Errorf("row %d: %w", seq, err)
	}
	index := rows.AppendName(rows.AppendRoute(nil, rows.AuditByKey, r.number), a.Key)
	return c.has(rows.AppendSeq(index, seq), fmt.Sprintf("row %d is not in the index by key", seq))
}

func (c *checker) auditByKey(_ *route, key, _ []byte) error {
	seq, err := rows.SplitSeq(key)
	if err != nil {
		return err
	}
	return c.has(rows.AppendSeq([]byte{byte(rows.Audits)}, seq), fmt.Sprintf("there is no audit row %d", seq))
}

func (c *checker) position(_ *route, _, value []byte) error {
	_, err := rows.ReadPositionRow(value)
	return err
}

func (c *checker) seen(_ *route, key, _ []byte) error {
	if want := len(rows.AppendEra(nil, 0, 0)) + len(store.SeenPrint{}); len(key) != want {
		return fmt.Errorf("%d bytes, not %d", len(key), want)
	}
	return nil
}

// audits follows the chain of all audit rows.
func (c *checker) audits(ctx context.Context) error {
	c.table = "audit"
	seq, hash, err := store.VerifyAudits(c.s.Audits(ctx, store.AuditQuery{}))
	c.AuditSeq = seq
	if err != nil {
		c.wrong(nil, fmt.Sprint(seq+1), err)
		return ctx.Err()
	}
	headSeq, head, err := c.s.AuditHead(ctx)
	if err == nil && (headSeq != seq || head != hash) {
		err = fmt.Errorf("the head is %d %x, the last row %d %x", headSeq, head, seq, hash)
	}
	if err != nil {
		c.wrong(nil, "head", err)
	}
	return nil
}
