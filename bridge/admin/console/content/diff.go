package content

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// Line is a line of a difference.
type Line struct {
	Kind string // was, will, same or place
	Text string
}

// MaxDiff is how much of each side a difference is made of, in bytes, and how many
// lines it has.
const (
	MaxDiff  = 256 << 10
	maxLines = 2000
)

// Diff is what differs between two texts, line by line, with a few lines around it;
// nothing if nothing does. JSON is compared by its values, each on a line of its
// own.
func Diff(was, will []byte) (lines []Line) {
	if bytes.Equal(was, will) {
		return nil
	}
	a, b := indented(was), indented(will)
	if bytes.Equal(a, b) { // only blanks differ
		a, b = was, will
	}
	if a, b = ended(a), ended(b); bytes.Equal(a, b) {
		return []Line{{"place", "only the end of the last line differs"}}
	}
	text := string(diff.Diff("was", a, "will be", b))
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if i < 3 { // which files these are
			continue
		}
		if len(lines) >= maxLines {
			return append(lines, Line{"place", "… and more"})
		}
		lines = append(lines, lineOf(line))
	}
	return lines
}

func lineOf(line string) Line {
	switch {
	case strings.HasPrefix(line, "-"):
		return Line{"was", line[1:]}
	case strings.HasPrefix(line, "+"):
		return Line{"will", line[1:]}
	case strings.HasPrefix(line, "@@"):
		return Line{"place", "…"}
	}
	return Line{"same", strings.TrimPrefix(line, " ")}
}

// indented is JSON with each value on a line of its own, and all else as it is.
func indented(text []byte) []byte {
	var out bytes.Buffer
	if json.Indent(&out, text, "", "  ") != nil || out.Len() > 8*MaxDiff {
		return text
	}
	return out.Bytes()
}

// ended is a text whose last line has an end.
func ended(text []byte) []byte {
	if bytes.HasSuffix(text, []byte("\n")) {
		return text
	}
	return append(bytes.Clone(text), '\n')
}
