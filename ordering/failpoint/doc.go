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

// All lists every point.
var All = []Point{
	Recv, Decoded, Held, BeforePark, AfterPark, BeforePublish, Unconfirmed, Confirmed,
	BeforeCommit, AfterCommit, BeforeAck, AfterAck,
}
