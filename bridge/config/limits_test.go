package config

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// hostile files, each as large as the limit lets it be, or larger.
var hostile = map[string]string{
	"brackets":         strings.Repeat("[", 1<<20),
	"nested":           strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
	"nested mappings":  strings.Repeat("{a: ", 9000) + strings.Repeat("}", 9000),
	"dashes":           strings.Repeat("- ", 1<<19),
	"deep blocks":      staircase(1400),
	"question marks":   strings.Repeat("? ", 1<<19),
	"comments":         strings.Repeat("#\n", 1<<19),
	"lines":            strings.Repeat("a: b\n", 200_000),
	"items":            "[" + strings.Repeat("a,", 1<<19-1) + "]",
	"items allowed":    "[" + strings.Repeat("a,", 19_000) + "]",
	"keys allowed":     strings.Repeat("k: 1\n", 19_000),
	"comments allowed": "[" + strings.Repeat("a #c\n,", 9_000) + "]",
	"tabs":             strings.Repeat("\t- a\n", 19_000),
	"one long key":     strings.Repeat("k", 1<<20-3) + ": 1",
	"one long text":    "a: \"" + strings.Repeat("\n", 19_000) + strings.Repeat("x", 1_000_000) + "\"",
	"aliases":          "a: &a [x]\nb: [" + strings.Repeat("*a, ", 19_000) + "]",
	"laughs":           laughs(),
	"documents":        strings.Repeat("---\n", 19_000),
	"routes":           "brokers: { m: { memory: {} } }\nroutes:\n" + strings.Repeat("- { name: a }\n", 19_000),
	"chain":            chain(900),
	"variables":        "brokers: { m: { amqp: { url: \"" + strings.Repeat("${A:-b}", 119_000) + "\" } } }",
	"dollars":          "brokers: { m: { amqp: { url: \"" + strings.Repeat("$", 1_000_000) + "\" } } }",
	"at signs":         "brokers: { \"" + strings.Repeat("://@", 250_000) + "\": 1 }",
	"carriage returns": strings.Repeat("a\r", 1<<19),
}

func staircase(steps int) string {
	var b strings.Builder
	for i := range steps {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func laughs() string {
	text := "a: &a [" + strings.Repeat("lol, ", 9) + "]\n"
	for c := 'b'; c <= 'z'; c++ {
		text += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+", ", 9) + "]\n"
	}
	return text
}

// chain is a topology in which each route feeds the next.
func chain(routes int) string {
	var b strings.Builder
	b.WriteString("brokers: { m: { memory: {} } }\nroutes:\n")
	for i := range routes {
		n := strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/26%30)
		b.WriteString("- { name: n, from: { broker: m, queue: " + n + " }, to: { broker: m, queue: " + n + "z }, order: { by: none } }\n")
	}
	return b.String()
}

func TestE5HostileFilesAreRefusedAtOnce(t *testing.T) {
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			refusedAtOnce(t, func() error {
				_, err := Parse("bridge.yaml", []byte(text), nil)
				return err
			})
		})
	}
}

func TestE5LargeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.yaml")
	f, err := os.Create(path)
	if err == nil {
		err = f.Truncate(100 << 20)
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	refusedAtOnce(t, func() error {
		_, err := Load(path, nil)
		return err
	})
}

// refusedAtOnce takes the best of many tries: the machine has other work.
func refusedAtOnce(t *testing.T, parse func() error) {
	t.Helper()
	most, memory := 100*time.Millisecond, uint64(50<<20)
	if raceDetector {
		most, memory = 20*most, 20*memory
	}
	best, least := time.Hour, uint64(1<<62)
	for patience := time.Now().Add(10 * time.Second); time.Now().Before(patience); {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		err := parse()
		best = min(best, time.Since(start))
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
		if err == nil {
			t.Fatal("it loads")
		}
		if len(report(err)) > 100_000 {
			t.Fatalf("%d bytes of faults", len(report(err)))
		}
		if best < most && least < memory {
			return
		}
	}
	t.Errorf("took %v and %d MiB", best, least>>20)
}

func TestE5Limits(t *testing.T) {
	for name, text := range map[string]string{
		"the file is larger than 1 MiB":                    strings.Repeat("#", 1<<20+1),
		"the file has more than 20,000 lines and commas":   strings.Repeat("\n", 20_001),
		"nested deeper than 64 levels":                     "a: " + strings.Repeat("[", 64) + strings.Repeat("]", 64),
		"aliases (*name) are not accepted; a text that be": "a: *x",
	} {
		_, err := Parse("bridge.yaml", []byte(text), nil)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
