package store_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brokerbridge/bridge/ordering/store"
)

// TestTryLogKeepsTheFirstAndTheLast: however many tries there were, and however
// often it was redriven between them.
func TestTryLogKeepsTheFirstAndTheLast(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var l *store.TryLog
		var all []store.Try
		redrives := 0
		for i := range rapid.IntRange(0, 100).Draw(rt, "tries") {
			if rapid.IntRange(0, 5).Draw(rt, "dice") == 0 {
				l, redrives = l.Redriven(), redrives+1
			}
			try := store.Try{At: time.Unix(int64(i), 0).UTC(), Class: "transient", Error: fmt.Sprint("error ", rapid.IntRange(0, 2).Draw(rt, "error"))}
			before := l.All()
			was := fmt.Sprint(before)
			next := l.Add(try)
			if fmt.Sprint(l.All()) != was || fmt.Sprint(before) != was {
				rt.Fatal("a log changed that somebody else has")
			}
			try.Redrives, l = redrives, next
			all = append(all, try)
		}
		n := len(all)
		want := all
		if n > 2*store.MostTries {
			want = append(append([]store.Try{}, all[:store.MostTries]...), all[n-store.MostTries:]...)
		}
		kept := l.All()
		if len(kept) != len(want) || n > 0 && !reflect.DeepEqual(kept, want) {
			rt.Fatalf("\n got %+v\nwant %+v", kept, want)
		}
		if last, ok := l.Latest(); ok != (n > 0) || ok && last != all[n-1] {
			rt.Fatalf("the last one is %+v", last)
		}
		if n > 0 && l.Omitted != n-len(want) {
			rt.Fatalf("%d are left out of %d", l.Omitted, n)
		}
		if l != nil {
			if again := store.NewTryLog(kept, l.Omitted, l.Redrives); fmt.Sprint(again) != fmt.Sprint(l) {
				rt.Fatalf("exported and imported, %+v became %+v", l, again)
			}
		}
	})
}

// TestTryLogIsBounded (I7): also where somebody else wrote it.
func TestTryLogIsBounded(t *testing.T) {
	many := make([]store.Try, 1000)
	for i := range many {
		many[i] = store.Try{Error: fmt.Sprint(strings.Repeat("x", 1<<20), i), Redrives: -1}
	}
	l := store.NewTryLog(many, -5, -5)
	if len(l.All()) != 2*store.MostTries || l.Omitted != 1000-2*store.MostTries || l.Redrives != 0 || l.Size() > 80<<10 {
		t.Errorf("%d kept, %d left out, %d redrives, %d bytes", len(l.All()), l.Omitted, l.Redrives, l.Size())
	}
	if store.NewTryLog(nil, 7, 0) != nil {
		t.Error("something is kept of nothing")
	}
}

// TestErrorTextIsCutOnce: what was exported and imported says no more and no less.
func TestErrorTextIsCutOnce(t *testing.T) {
	for _, n := range []int{0, 2048, 2049, 5000} {
		once := store.ErrorText(strings.Repeat("é", n)[:n])
		if len(once) > 2051 || store.ErrorText(once) != once || n <= 2048 && len(once) != n {
			t.Errorf("%d bytes became %d, then %d", n, len(once), len(store.ErrorText(once)))
		}
	}
}

// TestRepeatedTextsAreSharedByTries: most messages fail each time for the same
// reason.
func TestRepeatedTextsAreSharedByTries(t *testing.T) {
	var l *store.TryLog
	text := strings.Repeat("x", 2000)
	for range 100 {
		l = l.Add(store.Try{Error: strings.Clone(text)})
	}
	if l.Size() > 2000+2*store.MostTries*200 {
		t.Errorf("%d bytes", l.Size())
	}
}

func TestTraceIsReadAsItIsWritten(t *testing.T) {
	tr := store.Trace{ID: [16]byte{1, 15: 0xff}, Span: [8]byte{7: 9}}
	if tr.String() != "010000000000000000000000000000ff" || tr.SpanString() != "0000000000000009" || store.ParseTrace(tr.String(), tr.SpanString()) != tr {
		t.Errorf("%s %s", tr, tr.SpanString())
	}
	if (store.Trace{}).String() != "" {
		t.Error("none has an id")
	}
	for _, c := range [][2]string{{"", ""}, {tr.String(), ""}, {"", tr.SpanString()}, {strings.Repeat("x", 32), tr.SpanString()}, {tr.String(), strings.Repeat("x", 16)}} {
		if got := store.ParseTrace(c[0], c[1]); got != (store.Trace{}) {
			t.Errorf("%q is %v", c, got)
		}
	}
}
