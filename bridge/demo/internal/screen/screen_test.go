package screen

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var busy = Now{
	Elapsed: 1100 * time.Millisecond, Sent: 5000, ToSend: 10_304, Delivered: 4800, PerSecond: 812, Duplicates: 151,
	Held: 31, Parked: 130, Gaps: 17, Quarantined: 2, Dead: 4, Trouble: "waiting: " + strings.Repeat("reason ", 40),
}

func TestATerminalIsDrawnAnewInPlace(t *testing.T) {
	var out strings.Builder
	v := New(&out, true)
	v.Show(busy)
	lines := strings.Count(out.String(), "\n")
	out.Reset()
	v.Tell(2*time.Second, "something happened")
	if want := "\x1b[" + Count(lines) + "A\x1b[J   2.0s  something happened\n"; !strings.HasPrefix(out.String(), want) {
		t.Errorf("drawn %q, want it to begin with %q", out.String(), want)
	}
	for line := range strings.Lines(out.String()) {
		if utf8.RuneCountInString(line) > 80 {
			t.Errorf("a terminal of 80 columns breaks %q", line)
		}
	}
	v.End()
	out.Reset()
	v.Show(busy)
	if strings.Contains(out.String(), "\x1b") {
		t.Errorf("after the end it draws over what stands there: %q", out.String())
	}
}

func TestElsewhereALineASecond(t *testing.T) {
	var out strings.Builder
	v := New(&out, false)
	now := busy
	for range 10 {
		now.Elapsed += 250 * time.Millisecond
		v.Show(now)
	}
	v.End()
	if n := strings.Count(out.String(), "\n"); n != 4 {
		t.Errorf("%d lines:\n%s", n, out.String())
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Errorf("escape codes: %q", out.String())
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 10_304: "10,304", 1_234_567: "1,234,567", -100: "-100", -1000: "-1,000"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %s, want %s", n, got, want)
		}
	}
}
