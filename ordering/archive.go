package ordering

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"

	"github.com/brokerbridge/bridge/ordering/store"
)

// Content is what an edited message has.
type Content struct {
	Metadata map[string]string
	Payload  []byte // nil is null, which differs from empty
}

// ErrEdit says that an edited message may not be what it would be: of another key
// or revision than its key waits for.
var ErrEdit = errors.New("ordering: it cannot be edited like this")

// Restore makes what was archived a dead letter again. Its key has gone on since:
// it can be redriven out of order only, if it stood in the order. What a dead
// letter was before it was edited takes its place, as long as it is there.
func (r *Resequencer) Restore(ctx context.Context, id string, op Operation) (Outcome, error) {
	return r.operate(ctx, op, func(l *loop, o *operation) error { return l.restoreArchived(o, id) })
}

// Edit gives a dead letter other content; what it was is kept in the archive.
// Where its place in the order is known, key and revision have to stay; elsewhere
// it is another dead letter then, which Outcome.Dead names. The id of the message
// stays: no target has seen it.
func (r *Resequencer) Edit(ctx context.Context, id string, to Content, op Operation) (Outcome, error) {
	return r.operate(ctx, op, func(l *loop, o *operation) error { return l.editLetter(o, id, to) })
}

// Import adds dead letters that come from elsewhere, for example from an export.
// They belong to no lane: redriven, they arrive like messages of the source. One
// that is there already, by its id or as an import before, is left out. Outcome.Dead
// are those that were added, by their new ids.
func (r *Resequencer) Import(ctx context.Context, letters []store.DeadLetter, op Operation) (Outcome, error) {
	return r.operate(ctx, op, func(l *loop, o *operation) error { return l.importAll(o, letters) })
}

// archived is a dead letter as it is put away.
func archived(o *operation, l *loop, d *store.DeadLetter) store.Archived {
	return store.Archived{DeadLetter: *d, ArchivedAt: l.now, By: o.By, Why: o.Reason}
}

func (l *loop) restoreArchived(o *operation, id string) error {
	if l.moving[id] > 0 {
		return errUncommitted
	}
	a, err := l.cfg.Store.Archived(context.Background(), l.cfg.Route, id)
	if err != nil {
		return err
	}
	d := a.DeadLetter
	o.out = Outcome{Action: "restore", Key: d.Key, Epoch: d.Epoch, Revision: d.Rev, Dead: []string{id}}
	o.out.Says = fmt.Sprintf("makes %s a dead letter again", named(&d))
	if a.Original != "" {
		return l.undoEdit(o, &a)
	}
	if o.DryRun {
		return nil
	}
	c := l.edit(l.route)
	l.bury(c, d)
	l.takeOut(c, id)
	c.store.Ledger.Restored++
	l.sign(o, l.route, store.Audit{Target: id}, nil)
	return nil
}

// undoEdit gives a dead letter back what it was.
func (l *loop) undoEdit(o *operation, a *store.Archived) error {
	d, e, err := l.editable(a.Original)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: this is what dead letter %s was before it was edited, and that one is gone", ErrRefused, a.Original)
	}
	if err != nil {
		return err
	}
	o.out.Dead = []string{d.ID}
	o.out.Says = fmt.Sprintf("undoes the edit of %s", named(&d))
	if o.DryRun {
		return nil
	}
	d.Metadata, d.Payload = a.Metadata, a.Payload
	c := l.rewrite(e, d)
	l.takeOut(c, a.ID)
	l.sign(o, l.holder(e), store.Audit{Target: d.ID}, nil)
	return nil
}

func (l *loop) editLetter(o *operation, id string, to Content) error {
	d, e, err := l.editable(id)
	if err != nil {
		return err
	}
	edited := d
	edited.Metadata, edited.Payload = maps.Clone(to.Metadata), to.Payload
	if err := l.checkPlace(&edited); err != nil {
		return err
	}
	o.out = Outcome{Action: "edit", Key: d.Key, Epoch: d.Epoch, Revision: d.Rev, Dead: []string{id}, InOrder: e != nil}
	o.out.Says = fmt.Sprintf("edits %s; what it was is kept in the archive", named(&d))
	if o.DryRun {
		return nil
	}
	original := archived(o, l, &d)
	c := l.edit(l.holder(e))
	if !d.Lane { // else a copy from the source would take its place again
		l.unearth(c, d.ID)
		edited.ID = uuid.NewSHA1(deadLetters, fmt.Appendf(nil, "edit\x00%s\x00%d", d.ID, l.now.UnixNano())).String()
		o.out.Dead = []string{edited.ID}
	}
	original.ID, original.Original = uuid.NewString(), edited.ID
	l.bury(c, edited)
	c.store.Archive = append(c.store.Archive, original)
	l.sign(o, l.holder(e), store.Audit{Target: id}, nil)
	return nil
}

// editable reads a dead letter that is not on its way, and the lane that waits for
// it.
func (l *loop) editable(id string) (d store.DeadLetter, e *entry, err error) {
	if d, err = l.deadLetter(id); err != nil {
		return d, nil, err
	}
	if e, err = l.blockedBy(&d); err != nil {
		return d, nil, err
	}
	if l.redriven(id, e) {
		return d, nil, fmt.Errorf("%w: the dead letter is being redriven", ErrBusy)
	}
	return d, e, nil
}

// holder is whose change writes a dead letter: its lane's, if that waits for it.
func (l *loop) holder(e *entry) *entry {
	if e == nil {
		return l.route
	}
	return e
}

// rewrite has a dead letter written again, by its lane if that waits for it.
func (l *loop) rewrite(e *entry, d store.DeadLetter) *change {
	c := l.edit(l.holder(e))
	if !d.Lane { // replaced, it would count as a duplicate
		l.unearth(c, d.ID)
	}
	l.bury(c, d)
	return c
}

// checkPlace refuses an edit that would change the place in the order. What
// belongs to no lane is known by what it says of itself.
func (l *loop) checkPlace(d *store.DeadLetter) error {
	if l.cfg.Identify == nil {
		return nil
	}
	m := message.NewMessage(d.Message.ID, d.Payload)
	m.Metadata = maps.Clone(d.Metadata)
	read := item{msg: m}
	l.read(&read)
	id, err := read.id, read.refusal
	if !d.Lane {
		if err == nil { // else it is no better than before, and no worse
			l.rename(d, id)
		}
		return nil
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrEdit, err)
	case id.Key != d.Key:
		return fmt.Errorf("%w: the key would be %s and is %s", ErrEdit, quoted(id.Key), quoted(d.Key))
	case l.cfg.Order == ByRevision && id.Revision != d.Rev:
		return fmt.Errorf("%w: the revision would be %d and is %d", ErrEdit, id.Revision, d.Rev)
	}
	return nil
}

// rename has a dead letter stand for what it says now.
func (l *loop) rename(d *store.DeadLetter, id ID) {
	d.Key, d.Epoch = id.Key, id.Epoch
	if l.cfg.Order == ByRevision {
		d.Rev = id.Revision
	}
}

func (l *loop) importAll(o *operation, letters []store.DeadLetter) error {
	o.out = Outcome{Action: "import"}
	var fresh []store.DeadLetter
	for _, d := range letters {
		if d.ID == "" {
			return fmt.Errorf("%w: a dead letter without an id", ErrRefused)
		}
		there, err := l.isThere(d.ID, importedID(d.ID))
		if err != nil {
			return err
		}
		if there {
			continue
		}
		d.Route, d.Lane, d.ID = l.cfg.Route, false, importedID(d.ID)
		fresh = append(fresh, d)
		o.out.Dead = append(o.out.Dead, d.ID)
	}
	o.out.Says = fmt.Sprintf("imports %d dead letters; %d are here already", len(fresh), len(letters)-len(fresh))
	if o.DryRun || len(fresh) == 0 {
		return nil
	}
	c := l.edit(l.route)
	for _, d := range fresh {
		l.bury(c, d)
	}
	c.store.Ledger.Imported += int64(len(fresh))
	l.sign(o, l.route, store.Audit{Count: int64(len(fresh))}, nil)
	return nil
}

// importedID is the id of a dead letter that comes from elsewhere: one of this route
// with the id that it had there is another message.
func importedID(id string) string {
	return uuid.NewSHA1(deadLetters, []byte("import\x00"+id)).String()
}

// isThere reports whether there is a dead letter with one of these ids, or one in
// the archive.
func (l *loop) isThere(ids ...string) (bool, error) {
	for _, id := range ids {
		if l.moving[id] > 0 {
			return false, errUncommitted
		}
		_, err := l.cfg.Store.DeadLetter(context.Background(), l.cfg.Route, id)
		if errors.Is(err, store.ErrNotFound) {
			_, err = l.cfg.Store.Archived(context.Background(), l.cfg.Route, id)
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err == nil, err
		}
	}
	return false, nil
}
