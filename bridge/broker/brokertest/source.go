package brokertest

import (
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
)

// Sources says how an edge's sources are tested.
type Sources struct {
	// Queue makes a queue, empty, and gone with the test.
	Queue func(t testing.TB) Queue
	// Missing names a queue that is not there.
	Missing func(t testing.TB) Queue
	// Traits are what the edge says that it can do. Without AcksSingly what was
	// acknowledged above the lowest open message comes again, and counts as waiting;
	// without Window the cases that have several in hand are left out.
	Traits broker.Traits
	// Past is how many windows of messages may pass one that is not acknowledged.
	// 0: any number.
	Past int
}

// Queue is a queue or topic of the broker.
type Queue interface {
	// From is its source, without window.
	From() config.From
	// Source prepares to read it. The suite closes what it returns.
	Source(t testing.TB, from config.From, opts broker.SourceOptions) broker.Source
	// Create makes it, if it was missing.
	Create(t testing.TB)
	// Put appends messages, headers as strings, and returns when they are there.
	Put(t testing.TB, msgs ...*message.Message)
	// Depth is how many messages wait and are not taken; with offsets, how many are
	// not acknowledged.
	Depth(t testing.TB) int
	// Break ends the sessions of the sources, without a word.
	Break(t testing.TB)
}

// single are the cases that have one message in hand at a time.
var single = map[string]bool{"Traits": true, "HostileHeaders": true, "StateIsTold": true, "MissingIsWaitedFor": true}

// TestSources runs the suite.
func TestSources(t *testing.T, s Sources) {
	for name, test := range map[string]func(*testing.T, Sources){
		"Traits":                           testSourceTraits,
		"WindowIsFilledAndNotExceeded":     testWindow,
		"W9_HoldingOneDoesNotBlockTheNext": testHolding,
		"AcksInAnyOrder":                   testAnyOrder,
		"UnackedComeBackInOrder":           testComeBack,
		"LateAckOfADeadSession":            testLateAck,
		"AckTwice":                         testAckTwice,
		"Bodies":                           testBodies,
		"HostileHeaders":                   testHostileHeaders,
		"PauseAndResume":                   testPause,
		"Lag":                              testLag,
		"StateIsTold":                      testState,
		"SettlesAfterTheSubscriptionEnded": testSettleAfterEnd,
		"OrderedIsAlone":                   testAlone,
		"MissingIsWaitedFor":               testMissing,
		"LongStreamKeepsItsOrder":          testStream,
		"WindowBytes":                      testWindowBytes,
	} {
		if !s.Traits.Window && !single[name] {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they mostly wait
			test(t, s)
		})
	}
}
