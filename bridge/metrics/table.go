package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/brokerbridge/bridge/bridge/status"
)

// metric is a name and what it says.
type metric struct {
	name, help string
	labels     []string
	kind       prometheus.ValueType
}

func (m metric) desc() *prometheus.Desc {
	return prometheus.NewDesc(m.name, m.help, m.labels, nil)
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue

	histogram prometheus.ValueType = 0 // which it has none of
)

// total and now are metrics of a route that are one number of its counts.
func total(name, help string) metric {
	return metric{"bridge_messages_" + name + "_total", help, []string{"route"}, counter}
}

func now(name, help string) metric {
	return metric{"bridge_" + name, help, []string{"route"}, gauge}
}

func since(name, help string) metric {
	return metric{"bridge_" + name + "_total", help, []string{"route"}, counter}
}

// counts are the metrics that are one number of a route's counts.
var counts = []struct {
	metric
	of func(status.Counts) int64
}{
	{
		total("delivered", "Messages confirmed by the target and checkpointed, since the route exists."),
		func(c status.Counts) int64 { return c.Delivered },
	},
	{
		total("duplicates", "Messages dropped because they had been settled or stored before, since the route exists."),
		func(c status.Counts) int64 { return c.Duplicates },
	},
	{
		total("filtered", "Messages that the route does not take, settled without being published, since the route exists."),
		func(c status.Counts) int64 { return c.Filtered },
	},
	{
		total("parked", "Messages put into the store to wait for their turn, since the route exists."),
		func(c status.Counts) int64 { return c.ParkedEver },
	},
	{
		total("redriven", "Dead letters that an operator sent through again, in messages since the route exists."),
		func(c status.Counts) int64 { return c.Redriven },
	},
	{
		total("skipped", "Revisions, each one message that never came, that a key went on without, since the route exists."),
		func(c status.Counts) int64 { return c.Skipped },
	},
	{
		total("discarded", "Messages that an operator gave up, with a reason, since the route exists."),
		func(c status.Counts) int64 { return c.Discarded },
	},
	{
		total("archived", "Dead letters that an operator put away, in messages since the route exists."),
		func(c status.Counts) int64 { return c.Archived },
	},
	{
		total("restored", "Archived dead letters that an operator made dead letters again, in messages since the route exists."),
		func(c status.Counts) int64 { return c.Restored },
	},
	{
		total("imported", "Messages that an operator brought in from a file, since the route exists."),
		func(c status.Counts) int64 { return c.Imported },
	},
	{
		total("purged", "Messages that an operator deleted, since the route exists."),
		func(c status.Counts) int64 { return c.Purged },
	},
	{
		total("expired", "Messages dropped because their own time to live was over, since the route exists."),
		func(c status.Counts) int64 { return c.Expired },
	},
	{
		now("park_bytes", "Bytes of the messages in the store that wait for their turn, now."),
		func(c status.Counts) int64 { return c.ParkedSize },
	},
	{
		now("parked_messages", "Messages in the store that wait for their turn, now."),
		func(c status.Counts) int64 { return c.Parked },
	},
	{
		now("dead_letter_messages", "Dead letters in the store, in messages now."),
		func(c status.Counts) int64 { return c.Dead },
	},
	{
		now("open_skips", "Ranges of revisions that were skipped and that no operator has closed, now."),
		func(c status.Counts) int64 { return c.OpenSkips },
	},
	{
		now("unsent_events", "Events and replies in the store that were not sent, now."),
		func(c status.Counts) int64 { return c.Unsent },
	},
	{
		now("inflight_messages", "Messages in memory on their way to the target, now."),
		func(c status.Counts) int64 { return c.InMemory - c.Held },
	},
	{
		now("held_messages", "Messages in memory that wait: for their turn, or for the commit that concludes them, now."),
		func(c status.Counts) int64 { return c.Held },
	},
	{
		now("unaccounted_messages", "Messages taken whose end is not known, now: must be 0 when messages rest."),
		func(c status.Counts) int64 { return c.Unaccounted },
	},
	{
		now("waiting_keys", "Keys that go on by themselves: in a gap, before a retry, adopting or locked, now."),
		func(c status.Counts) int64 { return waiting(c.Keys) },
	},
	{
		now("quarantined_keys", "Keys blocked until an operator decides or the missing revision comes, now."),
		func(c status.Counts) int64 { return quarantined(c.Keys) },
	},
}

// The modes of a key that wait for an operator, or for what may never come.
func quarantined(keys map[string]int64) int64 {
	return keys["quarantined"] + keys["gap_blocked"]
}

func waiting(keys map[string]int64) int64 {
	n := -quarantined(keys)
	for _, k := range keys {
		n += k
	}
	return n
}

// The metrics with more labels than the route, or none.
var (
	received = total("received", "Messages taken from the sources, since the process started.")

	deadLettered = metric{
		"bridge_messages_dead_lettered_total",
		"Messages given up, by reason, since the process started.",
		[]string{"route", "reason"},
		counter,
	}
	attempts = metric{
		"bridge_attempts_total",
		"Attempts to deliver a message that ended, by outcome (delivered, failed) and class of the failure, since the route started last.",
		[]string{"route", "outcome", "class"},
		counter,
	}
	routeState = metric{
		"bridge_route_state",
		"1 for the state that the route is in, 0 for the others.",
		[]string{"route", "state"},
		gauge,
	}
	breakerState = metric{
		"bridge_breaker_state",
		"1 for the state that the breaker before the target is in, 0 for the others.",
		[]string{"route", "target", "state"},
		gauge,
	}
	transitions = metric{
		"bridge_breaker_transitions_total",
		"How often the breaker before the target came into a state, since the process started.",
		[]string{"route", "target", "state"},
		counter,
	}
	reconnects = metric{
		"bridge_reconnects_total",
		"How often a source delivered again, or a target answered again, since the process started; of source and target one is set.",
		[]string{"route", "source", "target"},
		counter,
	}
	connectionBlocked = metric{
		"bridge_connection_blocked",
		"1 while the target's broker is there and takes nothing, for want of memory or disk, else 0.",
		[]string{"route", "target"},
		gauge,
	}
	operations = metric{
		"bridge_operations",
		"Operations on many dead letters, by state, now; those that are over stay on record.",
		[]string{"route", "state"},
		gauge,
	}
	connectionUp = metric{
		"bridge_connection_up",
		"1 while the source delivers or the target answers, else 0; of source and target one is set.",
		[]string{"route", "source", "target"},
		gauge,
	}
	sourceLag = metric{
		"bridge_source_lag_messages",
		"Messages in the source that were not taken yet, now; absent while unknown.",
		[]string{"route", "source"},
		gauge,
	}
	storeSize    = metric{"bridge_store_size_bytes", "Size of the store, in bytes now.", nil, gauge}
	storeFree    = metric{"bridge_store_free_bytes", "What is left on the store's disk, in bytes now; absent while unknown.", nil, gauge}
	storeMinFree = metric{"bridge_store_min_free_bytes", "The limit of bridge_store_free_bytes below which intake pauses; absent if there is none.", nil, gauge}
	parkMax      = metric{
		"bridge_park_max_bytes",
		"The limit of bridge_park_bytes at which the route's intake pauses; absent if there is none.",
		[]string{"route"},
		gauge,
	}
	alarm = metric{
		"bridge_alarm",
		"1 while a limit of the route's alarms is reached, else 0, by limit.",
		[]string{"route", "reason"},
		gauge,
	}
	endToEnd = metric{
		"bridge_end_to_end_latency_seconds",
		"How long messages took from when they were taken, or put into the store last, until the target had confirmed them, in seconds, since the process started.",
		[]string{"route"},
		histogram,
	}
	commitDuration = metric{
		"bridge_store_commit_duration_seconds",
		"How long the commits of a route to the store took, each of many messages, in seconds, since the process started.",
		[]string{"route"},
		histogram,
	}
	buildInfo = metric{
		"bridge_build_info",
		"1, with the version of this program and of the Go that built it.",
		[]string{"version", "goversion"},
		gauge,
	}
)

// others are all metrics that are not in counts.
func others() []metric {
	return []metric{
		received, deadLettered, attempts, routeState, breakerState,
		connectionUp, connectionBlocked, reconnects, transitions, sourceLag, operations, endToEnd, commitDuration,
		storeSize, storeFree, storeMinFree, parkMax, alarm, buildInfo,
		oldestDead, oldestParked, oldestGap, oldestSkip,
		mirrorPending, mirrorRefused, eventsDropped, repliesDropped,
	}
}

// How long something waits. 0 where nothing does; absent while that is unknown.
var (
	oldestDead   = now("oldest_dead_letter_age_seconds", "How long ago the oldest dead letter was given up, in seconds now; 0 if there is none.")
	oldestParked = now("oldest_parked_age_seconds", "For how long a key with messages in the store waits, the longest, in seconds now; 0 if none does.")
	oldestGap    = now("oldest_gap_age_seconds", "For how long a key with messages in the store waits for a missing revision, the longest, in seconds now; 0 if none does.")
	oldestSkip   = now("oldest_skip_age_seconds", "How long ago the oldest range was skipped that no operator has closed, in seconds now; 0 if there is none.")
)

// What goes out beside the messages. Absent where the route has no such thing.
var (
	mirrorPending  = now("mirror_pending_messages", "Dead letters that were not copied to the mirror yet, now; absent if the route has none.")
	mirrorRefused  = since("mirror_refused", "Dead letters that cannot be copied to the mirror, since the process started; absent if the route has none.")
	eventsDropped  = since("events_dropped", "Events that cannot be sent, since the process started; absent if the route sends none.")
	repliesDropped = since("replies_dropped", "Replies that cannot be sent, since the process started; absent if the route sends none.")
)

// What is known beforehand is shown as 0, because an alert on an increase does
// not see a series that begins with 1.
var (
	reasons = []string{
		"max_attempts", "permanent", "unroutable", "too_large", "undecodable",
		"key_missing", "key_invalid", "revision_missing", "revision_invalid",
		"revision_implausible", "revision_conflict", "revision_regressed", "late",
		"gap_timeout", "unknown_outcome", "loop", "expired", "panic", "operator",
	}
	classes  = []string{"transient", "unavailable", "permanent", "interrupted"}
	breakers = []string{"closed", "half-open", "open"}
	ongoing  = []string{"running", "paused", "stopped", "done", "cancelled"}
	states   = []string{
		string(status.Starting), string(status.Running), string(status.Waiting),
		string(status.Paused), string(status.Stopped),
	}
)
