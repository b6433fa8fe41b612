package ordering

import (
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// The types of events; see [Config.Events].
const (
	EventDeadLetter = "dead_letter"
	EventQuarantine = "quarantine" // a key waits for its dead letter, or for a revision that did not come in time
	EventSkip       = "skip"
	EventDiscard    = "discard"
	EventArchive    = "archive"
	EventPurge      = "purge"
)

// event has a change tell others of something.
func (l *loop) event(c *change, ev store.Event) {
	if l.cfg.Events {
		ev.At = l.now
		c.store.Events = append(c.store.Events, ev)
	}
}

// eventOf is an event about a dead letter.
func eventOf(kind string, d *store.DeadLetter) store.Event {
	ev := store.Event{
		Type: kind, Key: d.Key, Epoch: d.Epoch, Dead: d.ID,
		Reason: d.Reason, Class: d.Class, Error: d.Error, Group: store.FingerprintOf(d),
	}
	if d.Key != "" {
		ev.Revision = (*int64)(&d.Rev)
	}
	return ev
}

// died tells of a new dead letter, and whoever sent it, if he asked for that.
func (l *loop) died(c *change, d *store.DeadLetter) {
	if !l.cfg.Events {
		return
	}
	ev := eventOf(EventDeadLetter, d)
	if l.cfg.ReplyTo != nil {
		ev.Reply = l.replyTo(d)
	}
	l.event(c, ev)
}

// replyTo reads who wants to be told. What cannot be read is nobody.
func (l *loop) replyTo(d *store.DeadLetter) (to *store.Reply) {
	defer contain(new(error))
	return l.cfg.ReplyTo(&message.Message{UUID: d.Message.ID, Metadata: d.Metadata})
}

// putAwayEvent tells what an operator has done with a dead letter.
func (l *loop) putAwayEvent(c *change, o *operation, kind string, d *store.DeadLetter) {
	ev := eventOf(kind, d)
	ev.By, ev.Reason = o.By, o.Reason
	l.event(c, ev)
}

// blocked tells that a key waits.
func (l *loop) blocked(c *change, e *entry, ef lane.Effect) {
	l.event(c, store.Event{
		Type: EventQuarantine, Key: e.key.Name, Epoch: e.key.Epoch, Revision: (*int64)(&ef.Rev), Reason: ef.Reason.String(),
	})
}

// skipped tells what a key goes on without.
func (l *loop) skipped(c *change, e *entry, s *store.Skip) {
	from, to := int64(s.From), int64(s.To)
	l.event(c, store.Event{
		Type: EventSkip, Key: e.key.Name, Epoch: e.key.Epoch, Revision: &from, To: &to, By: s.By, Reason: s.Reason,
	})
}
