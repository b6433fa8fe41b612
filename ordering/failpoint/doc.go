// Package failpoint names the places at which a crash costs something, so that
// tests can end the process exactly there.
//
// Without the build tag "failpoints" every call is empty and costs nothing.
// With it, BRIDGE_FAIL=point@n kills the process with SIGKILL at the n-th time
// the point is reached, and BRIDGE_FAIL_LOG names a file to which the first
// reach of each point is written.
package failpoint

// Point names a place in the path of a message.
type Point string

// The points, in the order in which a message passes them.
const (
	Recv          Point = "recv"
	Decoded       Point = "decoded"
	Held          Point = "held"
	BeforePark    Point = "before-park-commit"
	AfterPark     Point = "after-park-commit"
	BeforePublish Point = "before-publish"
	Unconfirmed   Point = "published-unconfirmed"
	Confirmed     Point = "confirmed"
	BeforeCommit  Point = "before-commit"
	AfterCommit   Point = "after-commit"
	BeforeAck     Point = "before-ack"
	AfterAck      Point = "after-ack"
)

// The points of a source that acknowledges by offsets, in order.
const (
	BeforePosition Point = "before-position" // the store does not know of it yet
	BeforeOffset   Point = "before-offset"   // the store does, Kafka does not
	AfterOffset    Point = "after-offset"
)

// Mirrored is where the mirror has a dead letter, or an event was sent, and the
// store does not know.
const Mirrored Point = "mirrored-unmarked"

// Offsets lists the points that only a Kafka source passes.
var Offsets = []Point{BeforePosition, BeforeOffset, AfterOffset}

// All lists the points that every message passes.
var All = []Point{
	Recv, Decoded, Held, BeforePark, AfterPark, BeforePublish, Unconfirmed, Confirmed,
	BeforeCommit, AfterCommit, BeforeAck, AfterAck,
}
