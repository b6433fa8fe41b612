package check

import (
	"reflect"
	"strconv"
	"testing"

	"github.com/brokerbridge/bridge/bridge/demo/internal/stream"
)

const key = "order-001"

func rec(rev int64) Record {
	return Record{Key: key, ByKey: key, Revision: strconv.FormatInt(rev, 10), Body: stream.Body(stream.Place{Key: key, Rev: rev})}
}

func TestReaderNotices(t *testing.T) {
	moved, altered, foreign, numberless := rec(2), rec(2), rec(2), rec(2)
	moved.Partition = 1
	altered.Body = rec(3).Body
	foreign.Key = "order-002"
	numberless.Revision = "two"
	for name, c := range map[string]struct {
		records []Record
		want    Faults
	}{
		"nothing":              {[]Record{rec(1), rec(2), rec(3)}, Faults{}},
		"a repetition":         {[]Record{rec(1), rec(2), rec(1)}, Faults{Repeated: []string{"order-001 revision 1 came twice"}}},
		"a hole":               {[]Record{rec(1), rec(3)}, Faults{Holes: []string{"order-001 revision 3 came right behind revision 1"}}},
		"a late first one":     {[]Record{rec(2)}, Faults{Holes: []string{"order-001 revision 2 came right behind revision 0"}}},
		"a second partition":   {[]Record{rec(1), moved}, Faults{Astray: []string{"order-001 is in partitions 0 and 1"}}},
		"other content":        {[]Record{rec(1), altered}, Faults{Altered: []string{"order-001 revision 2 has other content than was sent"}}},
		"a key that is not it": {[]Record{rec(1), foreign}, Faults{Astray: []string{`a record of key "order-002" says bridge-key "order-001", bridge-revision "2"`}}},
		"no number":            {[]Record{rec(1), numberless}, Faults{Astray: []string{`a record of key "order-001" says bridge-key "order-001", bridge-revision "two"`}}},
		"an order break": {[]Record{rec(1), rec(3), rec(2)}, Faults{
			Holes:   []string{"order-001 revision 3 came right behind revision 1"},
			Swapped: []string{"order-001 revision 2 came behind revision 3"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var r Reader
			for _, rec := range c.records {
				r.Read(rec)
			}
			if !reflect.DeepEqual(r.Faults, c.want) {
				t.Errorf("found %+v, want %+v", r.Faults, c.want)
			}
			if r.Records != len(c.records) {
				t.Errorf("counted %d records", r.Records)
			}
		})
	}
}

func TestFindNotices(t *testing.T) {
	at := func(rev int64) stream.Place { return stream.Place{Key: key, Rev: rev} }
	s := &stream.Stream{Last: map[string]int64{key: 5}, Cast: stream.Cast{Never: at(3)}}
	for name, c := range map[string]struct {
		read []int64
		kept Kept
		want Places
	}{
		"nothing": {
			[]int64{1, 2},
			Kept{Dead: map[stream.Place]bool{at(4): true}, Parked: map[stream.Place]bool{at(5): true}},
			Places{Delivered: 2, Dead: 1, Parked: 1},
		},
		"a loss": {
			[]int64{1, 2, 4},
			Kept{},
			Places{Delivered: 3, Lost: []string{"order-001 revision 5 was sent and is nowhere"}},
		},
		"two places": {
			[]int64{1, 2, 4, 5},
			Kept{Parked: map[stream.Place]bool{at(5): true}},
			Places{Delivered: 4, Parked: 1, Twice: []string{"order-001 revision 5 is in more than one place"}},
		},
		"an invention": {
			[]int64{1, 2, 3, 4, 5},
			Kept{},
			Places{Delivered: 5, Unsent: []string{"order-001 revision 3 was never sent and is there"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var r Reader
			for _, rev := range c.read {
				r.Read(rec(rev))
			}
			if got := Find(s, &r, c.kept); !reflect.DeepEqual(got, c.want) {
				t.Errorf("found %+v, want %+v", got, c.want)
			}
		})
	}
}
