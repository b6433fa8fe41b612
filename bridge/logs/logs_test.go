package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// limited is a log that remembers what was written.
func limited(o Options) (*slog.Logger, *Handler, func() []string) {
	var mu sync.Mutex
	var out bytes.Buffer
	h := New(slog.NewTextHandler(lockedWriter{&mu, &out}, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey && len(groups) == 0 {
				return slog.Attr{}
			}
			return Bounded(groups, a)
		},
	}), o)
	return slog.New(h), h, func() []string {
		mu.Lock()
		defer mu.Unlock()
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		out.Reset()
		if lines[0] == "" {
			return nil
		}
		return lines
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func TestWhatRepeatsIsSaidOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, h, lines := limited(Options{PerMinute: 3})
		defer h.Close()
		log = log.With("route", "orders")
		for i := range 3217 {
			log.Warn("dead letter", "id", i, "reason", "late")
		}
		if got := lines(); len(got) != 3 || got[0] != `level=WARN msg="dead letter" route=orders id=0 reason=late` {
			t.Fatalf("%q", got)
		}
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if got := lines(); got != nil {
			t.Fatalf("%q", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := lines(); len(got) != 1 || got[0] != `level=WARN msg="dead letter … and more of the same" route=orders times=3214 in=1m0s id=3 reason=late` {
			t.Fatalf("%q", got)
		}
		log.Warn("dead letter", "id", 9, "reason", "late") // a new minute, and the first of it
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := lines(); len(got) != 1 {
			t.Errorf("%q", got)
		}
	})
}

// Other levels, messages, routes, reasons and classes are other kinds; ids, errors
// and numbers in messages are not.
func TestKindsAreToldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, h, lines := limited(Options{PerMinute: 1})
		defer h.Close()
		for range 2 {
			log.Warn("a", "route", "r")
			log.Error("a", "route", "r")
			log.Warn("b", "route", "r")
			log.Warn("a", "route", "s")
			log.With("route", "q").Warn("a")
			log.Warn("a", "route", "r", "reason", "late")
			log.With("class", "permanent").Warn("a", "route", "r")
			log.WithGroup("g").Warn("a", "route", "elsewhere")
		}
		if got := lines(); len(got) != 8 {
			t.Errorf("%d %q", len(got), got)
		}
		log.Warn("http: TLS handshake error from 10.1.2.3:4567: EOF")
		log.Warn("http: TLS handshake error from 10.9.8.7:1111: EOF", "error", errors.New("x"))
		if got := lines(); len(got) != 1 {
			t.Errorf("%q", got)
		}
	})
}

func TestDebugIsWrittenAsItComes(t *testing.T) {
	var out bytes.Buffer
	h := New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}), Options{PerMinute: 1})
	defer h.Close()
	for range 5 {
		slog.New(h).Debug("a step")
	}
	if strings.Count(out.String(), "a step") != 5 {
		t.Error(out.String())
	}
	if New(slog.NewTextHandler(&out, nil), Options{}).Enabled(t.Context(), slog.LevelDebug) {
		t.Error("debug is enabled where it is not")
	}
}

// At the end everything is said, and afterwards nothing is kept back.
func TestTheEndSaysWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, h, lines := limited(Options{PerMinute: 2})
		for range 5 {
			log.Error("down", "route", "a")
		}
		time.Sleep(time.Second)
		h.Close()
		if got := lines(); len(got) != 3 || !strings.HasSuffix(got[2], `msg="down … and more of the same" times=3 in=1s route=a`) {
			t.Errorf("%q", got)
		}
		for range 5 {
			log.Error("down", "route", "a")
		}
		h.Close()
		time.Sleep(time.Hour)
		if got := lines(); len(got) != 5 {
			t.Errorf("%q", got)
		}
	})
}

// However many kinds there are: the first of each is written, what was left out is
// said, and memory is bounded.
func TestMemoryIsBounded(t *testing.T) {
	log, h, lines := limited(Options{PerMinute: 1, Kinds: 10})
	for i := range 1000 {
		for range 3 {
			log.Warn("x", "reason", fmt.Sprint("reason-", i))
		}
		if len(h.book.pages) > 10 {
			t.Fatal(len(h.book.pages))
		}
	}
	h.Close()
	if got := lines(); len(got) != 2000 || strings.Count(strings.Join(got, "\n"), "times=2 ") != 1000 {
		t.Errorf("%d lines", len(got))
	}
	log, h, _ = limited(Options{})
	defer h.Close()
	huge := strings.Repeat("x", 1<<20)
	for i := range 200 {
		log.Warn("same", "error", errors.New(huge), "text", huge, "group", slog.GroupValue(slog.String("x", huge)))
		log.Warn(huge+fmt.Sprint(i), "reason", huge, "route", fmt.Sprint(i)+huge)
	}
	for k, p := range h.book.pages {
		p.one.Attrs(func(a slog.Attr) bool {
			if len(a.Value.String()) > 300 {
				t.Error("a line that is kept is long:", a.Key)
			}
			return true
		})
		if len(k.message)+len(k.reason)+len(k.route) > 1<<10 {
			t.Fatal("a kind keeps long texts")
		}
	}
}

func TestLongValuesAreCut(t *testing.T) {
	log, h, lines := limited(Options{})
	defer h.Close()
	log.Warn("x", "a", strings.Repeat("é", 10_000), "error", errors.New(strings.Repeat("y", 10_000)), "n", 1)
	if got := lines(); len(got[0]) > 2*maxValue+200 || !strings.Contains(got[0], "é…") || !strings.Contains(got[0], "yy…") || !strings.HasSuffix(got[0], "n=1") {
		t.Errorf("%d bytes", len(got[0]))
	}
}

func TestManyAtOnce(*testing.T) {
	h := New(slog.NewTextHandler(io.Discard, nil), Options{PerMinute: 5, Kinds: 20})
	log := slog.New(h)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 1000 {
				log.LogAttrs(context.Background(), slog.LevelWarn, "m", slog.String("reason", fmt.Sprint((g+i)%30)))
				if i%100 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	wg.Wait()
	h.Close()
}

// Whoever knocks from one address after the other does not fill the log.
func TestAddressesDoNotMakeKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, h, lines := limited(Options{PerMinute: 3})
		defer h.Close()
		for i := range 5000 {
			log.Warn(fmt.Sprintf("http: TLS handshake error from [2001:db8::%x:%x]:%d: EOF", i*7, i*31, i+1024))
			log.Warn(fmt.Sprintf("gave up on %08x-beef for order-%d", i*0x10001, i))
		}
		if all := lines(); len(all) != 6 {
			t.Errorf("%d lines, such as %q", len(all), all[max(0, len(all)-3):])
		}
	})
}
