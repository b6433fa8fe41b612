// Package resume decides where a partition goes on, from what the group, the
// log and the route's own store say of it. Where they do not fit together it
// says so, with what an operator can do: going on silently would lose messages,
// or drop some as duplicates of others.
package resume

import (
	"fmt"

	"github.com/brokerbridge/bridge/bridge/broker"
)

// None stands for an offset that is not there.
const None int64 = -1

// Facts are what is known of a partition when it is assigned.
type Facts struct {
	Group     string
	Topic     string
	Partition int32
	Committed int64 // the group's offset, or None
	Start     int64 // of the log
	End       int64 // of the log
	// EpochEnd is where the log of the committed offset's leader ends, or None.
	// Below the offset, what had been read there was replaced by other records.
	EpochEnd int64
	// Kept says that the route keeps positions; else Row and Recreated mean nothing.
	Kept bool
	Row  *broker.Position // nil: none for this topic id
	// Recreated says that there are positions of another topic of this name, and
	// none of this one.
	Recreated bool
}

// accept is what an operator can do about all of them.
const accept = "or start once with `bridge run --accept-offset` to take the offset as it is"

// Decide returns the offset at which the partition goes on, or None where
// nobody knows one: the group begins.
func Decide(f Facts) (int64, error) {
	if f.Kept && f.Row == nil && f.Recreated {
		return None, f.fault(broker.ErrRecreated,
			"the topic is not the one that the route has read: it was deleted and created again; "+
				"start once with `bridge run --accept-offset` to read the new one")
	}
	at, err := f.settled()
	if err != nil || at == None {
		return None, err
	}
	if err := f.reachable(at); err != nil {
		return None, err
	}
	return at, nil
}

// settled compares the group's offset with what the store has written down.
func (f Facts) settled() (int64, error) {
	switch {
	case !f.Kept:
		return f.Committed, nil
	case f.Row == nil && f.Committed == None:
		return None, nil
	case f.Row == nil:
		return None, f.fault(broker.ErrElsewhere,
			"the group is at offset %d, and this store has not read it: another store's bridge has, or the store is new; "+
				"end the other one, or start once with `bridge run --accept-offset` to go on at that offset", f.Committed)
	case f.begun():
		return f.Row.Next, nil
	case f.Committed == None:
		return None, f.fault(broker.ErrRewound,
			"the group has no offset any more (deleted, or expired), and the route has settled up to %d; "+
				"set it to %d (%s), or start once with `bridge run --accept-offset` to begin as a new group would",
			f.Row.Committed, f.Row.Next, f.reset(f.Row.Next))
	case f.Committed > f.Row.Next:
		return None, f.fault(broker.ErrElsewhere,
			"the group is at offset %d, and this store has committed no more than %d: somebody else has read what lies between; "+
				"end them and set it back to %d (%s), %s",
			f.Committed, f.Row.Next, f.Row.Next, f.reset(f.Row.Next), accept)
	case f.Committed < f.Row.Committed:
		return None, f.fault(broker.ErrRewound,
			"the group's offset was set back to %d, and the route has settled up to %d: what lies between would be dropped as duplicates; "+
				"set it to %d (%s), %s",
			f.Committed, f.Row.Committed, f.Row.Committed, f.reset(f.Row.Committed), accept)
	}
	return f.Committed, nil
}

// begun reports whether a start was written down that Kafka was not told: the
// process ended in between.
func (f Facts) begun() bool {
	return f.Kept && f.Row != nil && f.Committed == None && f.Row.Committed == 0
}

// reachable looks whether the log still has what comes next.
func (f Facts) reachable(at int64) error {
	what := ""
	switch {
	case at < f.Start:
		what = fmt.Sprintf("the log begins at offset %d, and the route comes from %d: messages %d to %d are gone",
			f.Start, at, at, f.Start-1)
	case at > f.End:
		what = fmt.Sprintf("the log ends at offset %d, and the route comes from %d: it was cut, or is another one",
			f.End, at)
	case f.EpochEnd != None && f.EpochEnd < at:
		what = fmt.Sprintf("the log was cut at offset %d and written anew, and the route comes from %d",
			f.EpochEnd, at)
	default:
		return nil
	}
	return f.fault(broker.ErrTruncated,
		"%s; start once with `bridge run --accept-offset` to go on at %d", what, f.nearest(at))
}

// nearest is the offset at which the log can be read on.
func (f Facts) nearest(at int64) int64 {
	end := f.End
	if f.EpochEnd != None {
		end = min(end, f.EpochEnd)
	}
	return max(f.Start, min(at, end))
}

// Accept returns the offset at which the partition goes on when an operator has
// said that it is right as it is: the group's, or the nearest that the log has.
// None: the group begins.
func Accept(f Facts) int64 {
	if at, err := Decide(f); err == nil {
		return at
	}
	switch {
	case f.begun():
		return f.nearest(f.Row.Next)
	case f.Kept && f.Row == nil && f.Recreated:
		// What is committed may be of the topic that is gone: brokers before 4.1 know
		// offsets by the name only.
		return None
	case f.Committed == None:
		return None
	}
	return f.nearest(f.Committed)
}

func (f Facts) fault(sentinel error, text string, args ...any) error {
	return fmt.Errorf("%w: topic %q partition %d: %s", sentinel, f.Topic, f.Partition, fmt.Sprintf(text, args...))
}

// reset is the command that sets the group's offset, while nobody is in it.
func (f Facts) reset(to int64) string {
	return fmt.Sprintf("kafka-consumer-groups --group %s --topic %s:%d --reset-offsets --to-offset %d --execute",
		f.Group, f.Topic, f.Partition, to)
}
