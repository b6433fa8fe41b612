package lane

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the expectations in testdata/*.txt")

// TestDialogues plays the conversations in testdata. A line is an event, what is
// indented below it are the effects the lane answers with. "rules" begins a new
// lane, "state" and "deadline" ask, "restart" goes back to what was committed,
// "+5s" before an event lets time pass, "#" is a comment.
//
//	go test ./ordering/lane -run Dialogues -rewrite
func TestDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no dialogues", err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			d := &dialogue{t: t, file: file, seen: seen}
			got := d.play(string(want))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			compare(t, file, got, string(want))
		})
	}
	for _, names := range [][]string{kindNames[:], verbNames[:], modeNames[:], reasonNames[1:]} {
		for _, name := range names {
			if !seen[name] {
				t.Errorf("no dialogue shows %q", name)
			}
		}
	}
}

// compare reports the first line that differs.
func compare(t *testing.T, file, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		switch {
		case i >= len(g):
			t.Fatalf("%s:%d: nothing said, want %q", file, i+1, w[i])
		case i >= len(w) || g[i] != w[i]:
			t.Fatalf("%s:%d: the lane says %q (see -rewrite)", file, i+1, g[i])
		}
	}
}

// dialogue is a conversation with one lane after another.
type dialogue struct {
	t     *testing.T
	file  string
	line  int
	seen  map[string]bool
	rules *Rules
	lane  *Lane
	saved State // as of the last plain "committed"
	now   time.Time
}

var epoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// play returns the text with what the lane really says.
func (d *dialogue) play(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		d.line++
		line = strings.TrimRight(line, " \n")
		if strings.HasPrefix(line, " ") {
			continue // an expectation
		}
		b.WriteString(line + "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		for _, answer := range d.say(strings.Fields(line)) {
			b.WriteString("  " + answer + "\n")
		}
	}
	return b.String()
}

// say carries out one line and returns the answers.
func (d *dialogue) say(words []string) []string {
	if strings.HasPrefix(words[0], "+") {
		d.now = d.now.Add(d.duration(words[0][1:]))
		words = words[1:]
	}
	switch words[0] {
	case "rules":
		d.begin(words[1:])
		return nil
	case "restart":
		d.lane = New(d.rules, d.saved)
		return nil
	case "state":
		return []string{d.state()}
	case "deadline":
		if at := d.lane.Deadline(); !at.IsZero() {
			return []string{"in " + at.Sub(d.now).String()}
		}
		return []string{"never"}
	}
	return d.step(d.event(words))
}

// step lets the lane answer an event.
func (d *dialogue) step(ev Event) []string {
	if ev.Known != Absent && !d.lane.Unsure(ev.Rev) {
		d.t.Fatalf("%s:%d: the lane would not have asked", d.file, d.line)
	}
	d.seen[ev.Kind.String()] = true
	var answers []string
	for _, e := range d.lane.Step(nil, ev) {
		d.seen[e.Verb.String()] = true
		d.seen[e.Reason.String()] = true
		answers = append(answers, spellEffect(e))
	}
	d.seen[d.lane.Mode.String()] = true
	if err := d.lane.Valid(); err != nil {
		d.t.Fatalf("%s:%d: %v", d.file, d.line, err)
	}
	return answers
}

// spellEffect is an effect in words.
func spellEffect(e Effect) string {
	s := fmt.Sprintf("%s %d", e.Verb, e.Rev)
	if e.Verb == SkipRange {
		s += fmt.Sprintf("..%d", e.To)
	}
	if e.Reason != NoReason {
		s += " " + e.Reason.String()
	}
	return s
}
