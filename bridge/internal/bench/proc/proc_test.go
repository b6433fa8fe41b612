package proc

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestCPUIsUserAndSystemTimeWhateverTheCommandIsCalled(t *testing.T) {
	for name, c := range map[string]struct {
		stat string
		want time.Duration // -1: an error
	}{
		"a plain one":         {"7 (beam.smp) S 1 7 7 0 -1 4194304 2 0 5 0 3114 1253 99 98 20 0", 43670 * time.Millisecond},
		"blanks and brackets": {"7 (a) 1 2 (b) S 1 7 7 0 -1 4194304 2 0 5 0 1 2 99 98 20 0", 30 * time.Millisecond},
		"too short":           {"7 (x) S 1 7 7 0 -1 4194304 2 0 5 0 1", -1},
		"words for numbers":   {"7 (x) S 1 7 7 0 -1 4194304 2 0 5 0 one two 99", -1},
		"empty":               {"", -1},
	} {
		got, err := cpu(c.stat)
		if c.want < 0 && err == nil || c.want >= 0 && (got != c.want || err != nil) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, c.want)
		}
	}
}

func TestPeakIsTheHighWaterMark(t *testing.T) {
	for status, want := range map[string]int64{
		"Name:\tx\nVmPeak:\t  900 kB\nVmHWM:\t    100 kB\nVmRSS:\t 50 kB\n": 100 << 10,
		"Name:\tx\nVmRSS:\t 50 kB\n":                                        -1, // a zombie has none
		"Name:\tx\nVmHWM:\t many kB":                                        -1,
	} {
		got, err := memory("VmHWM")(status)
		if want < 0 && err == nil || want >= 0 && (got != want || err != nil) {
			t.Errorf("%q: %d, %v; want %d", status, got, err, want)
		}
	}
}

func TestAProcessHasNoMoreThanItsPeak(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has /proc")
	}
	now, err := Resident(os.Getpid())
	peak, err2 := Peak(os.Getpid())
	if now <= 0 || peak < now || err != nil || err2 != nil {
		t.Errorf("%d bytes now, %v; %d at most, %v", now, err, peak, err2)
	}
}

// What is read of this very process must follow what it does.
func TestBothGrowWithWhatTheProcessDoes(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has /proc")
	}
	me := os.Getpid()
	before, err := CPU(me)
	if err != nil {
		t.Fatal(err)
	}
	const more = 64 << 20
	for end := time.Now().Add(10 * time.Second); ; {
		waste := strings.Repeat("x", more)
		after, err := CPU(me)
		if err != nil {
			t.Fatal(err)
		}
		if after > before && waste != "" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("ten seconds of work cost nothing: %v, then %v", before, after)
		}
	}
	if high, err := Peak(me); err != nil || high < more {
		t.Errorf("the peak is %d, %v; %d bytes were written", high, err, more)
	}
}

func TestAProcessThatIsNotThereIsAnError(t *testing.T) {
	if _, err := CPU(-1); err == nil {
		t.Error("no process has cost CPU")
	}
	if _, err := Peak(-1); err == nil {
		t.Error("no process has had memory")
	}
}
