package resume_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/kafka/internal/resume"
)

const none = resume.None

func row(next, committed int64) *broker.Position {
	return &broker.Position{Topic: "orders", Partition: 3, Next: next, Committed: committed}
}

func TestWhereAPartitionGoesOn(t *testing.T) {
	for _, c := range []struct {
		name     string
		f        resume.Facts // Start is 0 and End 1000, EpochEnd none, unless set
		at       int64
		fault    error
		says     string // a part of the fault's text
		accepted int64  // where it goes on when an operator says so
	}{
		{"the first start", resume.Facts{Committed: none, Kept: true}, none, nil, "", none},
		{"the first start without positions", resume.Facts{Committed: none}, none, nil, "", none},
		{"goes on", resume.Facts{Committed: 500, Kept: true, Row: row(500, 500)}, 500, nil, "", 500},
		{"goes on without positions", resume.Facts{Committed: 500}, 500, nil, "", 500},
		{"ended before the commit", resume.Facts{Committed: 300, Kept: true, Row: row(500, 300)}, 300, nil, "", 300},
		{"ended before the commit was written down", resume.Facts{Committed: 500, Kept: true, Row: row(500, 300)}, 500, nil, "", 500},
		{"ended before the first commit", resume.Facts{Committed: none, Kept: true, Row: row(70, 0)}, 70, nil, "", 70},
		{"at the very end", resume.Facts{Committed: 1000, Kept: true, Row: row(1000, 1000)}, 1000, nil, "", 1000},
		{"at the very start", resume.Facts{Committed: 200, Start: 200, Kept: true, Row: row(200, 0)}, 200, nil, "", 200},

		{
			"another store has read",
			resume.Facts{Committed: 500, Kept: true},
			none, broker.ErrElsewhere, "this store has not read it", 500,
		},
		{
			"somebody has committed",
			resume.Facts{Committed: 501, Kept: true, Row: row(500, 500)},
			none, broker.ErrElsewhere, "set it back to 500", 501,
		},
		{
			"set back",
			resume.Facts{Committed: 100, Kept: true, Row: row(500, 500)},
			none, broker.ErrRewound, "--topic orders:3 --reset-offsets --to-offset 500 --execute", 100,
		},
		{
			"deleted",
			resume.Facts{Committed: none, Kept: true, Row: row(510, 500)},
			none, broker.ErrRewound, "--to-offset 510", none,
		},
		{
			"recreated",
			resume.Facts{Committed: none, Kept: true, Recreated: true},
			none, broker.ErrRecreated, "deleted and created again", none,
		},
		{
			"recreated, and somebody has committed",
			resume.Facts{Committed: 7, Kept: true, Recreated: true},
			none, broker.ErrRecreated, "", none,
		},
		{
			"retention was quicker",
			resume.Facts{Committed: 100, Start: 150, Kept: true, Row: row(100, 100)},
			none, broker.ErrTruncated, "messages 100 to 149 are gone", 150,
		},
		{
			"retention, without positions",
			resume.Facts{Committed: 100, Start: 150},
			none, broker.ErrTruncated, "messages 100 to 149 are gone", 150,
		},
		{
			"the end was lost",
			resume.Facts{Committed: 1200, Kept: true, Row: row(1200, 1200)},
			none, broker.ErrTruncated, "the log ends at offset 1000", 1000,
		},
		{
			"the end was lost and written again",
			resume.Facts{Committed: 900, EpochEnd: 880, Kept: true, Row: row(900, 900)},
			none, broker.ErrTruncated, "cut at offset 880", 880,
		},
		{
			"written down, and gone before the first commit",
			resume.Facts{Committed: none, Start: 80, Kept: true, Row: row(70, 0)},
			none, broker.ErrTruncated, "messages 70 to 79 are gone", 80,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := c.f
			f.Group, f.Topic, f.Partition, f.End = "bridge-orders", "orders", 3, 1000
			if f.EpochEnd == 0 {
				f.EpochEnd = none
			}
			at, err := resume.Decide(f)
			if at != c.at || !errors.Is(err, c.fault) {
				t.Errorf("goes on at %d: %v; want %d: %v", at, err, c.at, c.fault)
			}
			if err != nil && (!strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "`bridge run --accept-offset`")) {
				t.Errorf("it does not say what to do: %v", err)
			}
			if got := resume.Accept(f); got != c.accepted {
				t.Errorf("accepted, it goes on at %d, want %d", got, c.accepted)
			}
		})
	}
}
