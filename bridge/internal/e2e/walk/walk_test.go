// Package walk_test goes through docs/start.md as a reader would, between the
// real brokers: what a command prints is what the page says.
package walk_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brokerbridge/bridge/bridge/internal/e2e/child"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// patience is how long a command may take to print what the page says: messages
// are on their way meanwhile.
const patience = 30 * time.Second

// reader is somebody with the page, a folder and two terminals.
type reader struct {
	t            *testing.T
	dir          string
	queue, topic string
	letter       string // the id of the last dead letter that was seen
}

// TestStart types every command of the page. The queue, the topic and the admin
// address have names of this test.
func TestStart(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(rig.Root(), "docs/start.md"))
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{t: t, dir: t.TempDir(), queue: rig.Name(t), topic: rig.Name(t)}
	t.Cleanup(func() {
		_, _ = rig.Channel(t).QueueDelete(r.queue, false, false, false)
		_, _ = kadm.NewClient(rig.Client(t)).DeleteTopics(context.Background(), r.topic)
	})
	r.build("bridge", "./cmd/bridge")
	r.build("publish", "docs/try/publish.go")
	r.build("limit", "docs/try/limit.go")
	r.save(string(page))
	n := 0
	for _, block := range blocks(string(page), "") {
		for _, s := range steps(block) {
			r.do(s)
			n++
		}
	}
	if n < 15 {
		t.Errorf("the page has only %d commands", n)
	}
}

var fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

func blocks(text, language string) (found []string) {
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		if m[1] == language {
			found = append(found, m[2])
		}
	}
	return found
}

// step is a command and the lines that it prints.
type step struct {
	command string
	lines   []string
}

// steps are the commands of a block. What a block has without one is of another
// machine, or of the bridge that runs.
func steps(block string) (all []step) {
	for _, line := range strings.Split(strings.TrimSpace(block), "\n") {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			all = append(all, step{command: command})
		} else if len(all) > 0 {
			last := &all[len(all)-1]
			last.lines = append(last.lines, line)
		}
	}
	return all
}

func (r *reader) build(name, from string) {
	r.t.Helper()
	if _, err := child.Build(r.dir, name, from); err != nil {
		r.t.Fatal(err)
	}
}

// save writes the topology of the page, which has one.
func (r *reader) save(page string) {
	r.t.Helper()
	text := strings.NewReplacer("queue: orders,", "queue: "+r.queue+",", "topic: orders.v1,", "topic: "+r.topic+",").
		Replace(blocks(page, "yaml")[0])
	text += fmt.Sprintf("admin: { listen: %q }\n", rig.Address(r.t))
	if err := os.WriteFile(filepath.Join(r.dir, "bridge.yaml"), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// do types a command. One that only looks is repeated until it prints what the
// page says.
func (r *reader) do(s step) {
	r.t.Helper()
	words := r.words(s.command)
	if s.command == "bin/bridge run" {
		r.start(words)
		return
	}
	once := words[0] != "bridge" || strings.Contains(s.command, "--reason")
	for begin := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		out := r.run(words)
		differs := difference(r.common(out), s.lines)
		if differs == "" {
			break
		}
		if once || time.Since(begin) > patience {
			r.t.Fatalf("$ %s\n%s\nprinted\n%s", s.command, differs, out)
		}
	}
}

var quoted = regexp.MustCompile(`'[^']*'|\S+`)

// words are what a shell makes of a command, with the names of this test.
func (r *reader) words(command string) []string {
	var words []string
	for _, w := range quoted.FindAllString(command, -1) {
		words = append(words, strings.Trim(w, "'"))
	}
	for i, w := range words {
		switch w {
		case "ID":
			words[i] = r.letter
		case "orders.v1":
			words[i] = r.topic
		}
	}
	switch {
	case words[0] == "bin/bridge":
		return append([]string{"bridge"}, words[1:]...)
	case strings.HasSuffix(words[2], "publish.go"):
		return append([]string{"publish", "-queue", r.queue}, words[3:]...)
	default:
		return append([]string{"limit", "-brokers", rig.Kafka(r.t)[0]}, words[3:]...)
	}
}

func (r *reader) command(words []string) *exec.Cmd {
	// The context of a test ends before its cleanups, in which the bridge stops.
	cmd := exec.CommandContext(context.WithoutCancel(r.t.Context()), filepath.Join(r.dir, words[0]), words[1:]...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "AMQP_URL="+rig.AMQP(r.t), "KAFKA_BROKERS="+strings.Join(rig.Kafka(r.t), ","), "USER=ann")
	return cmd
}

// start leaves the bridge running until the test ends, when Ctrl-C must end it in
// order. A reader goes on when the log says that the source delivers.
func (r *reader) start(words []string) {
	r.t.Helper()
	var log bytes.Buffer
	cmd := r.command(words)
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			r.t.Error(err)
		}
		if err := cmd.Wait(); err != nil || !strings.Contains(log.String(), "msg=stopped") {
			r.t.Errorf("the bridge ended with %v\n%s", err, log.String())
		}
	})
	for begin := time.Now(); !strings.Contains(r.run([]string{"bridge", "routes", "ls"}), " running "); time.Sleep(100 * time.Millisecond) {
		if time.Since(begin) > patience {
			r.t.Fatal("the route does not run")
		}
	}
}

var uuid = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

func (r *reader) run(words []string) string {
	out, err := r.command(words).CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%v\n%s", err, out)
	}
	if id := uuid.FindString(string(out)); id != "" {
		r.letter = id
	}
	return string(out)
}

var (
	instant = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	bytesOf = regexp.MustCompile(`compressed_bytes=\d+`)
	spaces  = regexp.MustCompile(` +`)
	by      = regexp.MustCompile(`(?m)^(AN-INSTANT) \S+ (orders)`)
	took    = regexp.MustCompile(`, took [0-9.µnms]+,`)
)

// plain takes out of a text what differs each time.
func plain(text string) string {
	text = instant.ReplaceAllString(text, "AN-INSTANT")
	text = uuid.ReplaceAllString(text, "AN-ID")
	text = bytesOf.ReplaceAllString(text, "compressed_bytes=N")
	text = took.ReplaceAllString(text, ", took A-MOMENT,")
	text = spaces.ReplaceAllString(text, " ")
	return by.ReplaceAllString(text, "$1 SOMEBODY $2")
}

// common gives a text the names of the page.
func (r *reader) common(text string) string {
	return strings.NewReplacer(r.queue, "orders", r.topic, "orders.v1").Replace(text)
}

// difference compares what was printed with what the page has, of which a line
// with three dots stands for the rest of it, or of all.
func difference(got string, want []string) string {
	lines := strings.Split(strings.TrimSpace(plain(got)), "\n")
	for i, w := range want {
		w = strings.TrimRight(plain(w), " ")
		begin, _, cut := strings.Cut(w, "…")
		switch {
		case w == "…":
			return ""
		case w == "" && i == len(want)-1:
		case i >= len(lines):
			return "it does not print " + w
		case !strings.HasPrefix(strings.TrimRight(lines[i], " "), begin) || !cut && strings.TrimRight(lines[i], " ") != w:
			return "got  " + lines[i] + "\nwant " + w
		}
	}
	return ""
}
