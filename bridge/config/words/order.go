package words

import (
	"github.com/brokerbridge/bridge/bridge/config"
)

func (l *list) order(o config.Order) {
	switch o.By {
	case config.ByRevision:
		l.byRevision(o)
	case config.ByArrival:
		if len(o.Key) > 0 {
			l.add("order", "as the source delivers, per key; the key is %s", fields(o.Key))
		} else {
			l.add("order", "as the source delivers, all messages in one line")
		}
	case config.ByNone:
		l.add("order", "none: each message goes as soon as it can")
	}
	if o.By != config.ByRevision {
		l.duplicates(o)
	}
	l.addIf(o.By != config.ByNone && o.ForgetAfter > 0, "forget_after", "of a key that rests for %s little more than its revision is remembered", span(o.ForgetAfter))
	l.addIf(o.By != config.ByNone, "max_ahead", "of a key up to %d at once are under way, and may come twice after a crash", o.MaxAhead)
}

func (l *list) byRevision(o config.Order) {
	l.add("order", "by revision, per key; the key is %s, the revision %s", fields(o.Key), o.Revision)
	if o.Adopt {
		l.add("first", "a new key begins with the lowest revision that comes within %s", span(o.AdoptAfter))
	} else {
		l.add("first", "a new key begins with revision %d", o.First)
	}
	l.addIf(!o.Epoch.IsZero(), "epoch", "when %s grows, the revisions of a key begin anew", o.Epoch)
	if o.Gap.Hold > 0 {
		l.add("hold", "what comes before its turn waits in memory for %s, then in the store", span(o.Gap.Hold))
	} else {
		l.add("hold", "what comes before its turn waits in the store")
	}
	l.gap(o.Gap)
	l.add("same", "two messages of one revision are the same message %s", same(o.Same))
	l.add("max_jump", "a revision more than %s above the highest known one is taken for corrupt", thousands(o.MaxJump))
}

func (l *list) gap(g config.Gap) {
	switch g.Then {
	case config.Wait:
		l.add("gap", "a key waits for a missing revision for as long as it takes; it counts as late after %s", span(g.Timeout))
	case config.Skip:
		l.add("gap", "a revision that is missing for %s is skipped, and that is recorded", span(g.Timeout))
	default:
		l.add("gap", "a key that misses a revision for %s is quarantined until an operator decides", span(g.Timeout))
	}
}

func same(f config.Field) string {
	switch f.Kind {
	case config.Body, "":
		return "if their bodies are the same"
	case config.Revision:
		return "whatever they hold"
	}
	return "if their " + f.String() + " is the same"
}

func (l *list) duplicates(o config.Order) {
	d := o.Duplicates
	if d.Off {
		l.add("duplicates", "off: what comes again is delivered again")
		return
	}
	id := "message id"
	if !d.ID.IsZero() {
		id = d.ID.String()
	}
	l.add("duplicates", "recognised by their %s for %s at least; two of one id are the same message %s", id, span(d.Window), same(o.Same))
}
