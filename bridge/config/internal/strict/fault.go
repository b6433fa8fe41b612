// Package strict reads a YAML file into structs, by a grammar that is data, and
// reports everything that is wrong with the file at once.
//
// A [Form] says what may stand at a place. The same form decodes the place and
// describes it to editors as JSON Schema, so that the two cannot part.
package strict

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that is wrong with a file.
type Fault struct {
	// File is the name of the file. Line and Col count from 1, Col in characters; 0
	// when the fault has no place.
	File      string
	Line, Col int

	// Path is the setting, such as routes[0].from.queue; empty for the whole file.
	Path string

	// Msg says what is wrong, Hint what would be right, where that is known.
	Msg, Hint string

	excerpt string
}

// Error is file:line:col: path: message (hint).
func (f Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Col)
	}
	if f.Path != "" {
		b.WriteString(": " + f.Path)
	}
	b.WriteString(": " + f.Msg)
	if f.Hint != "" {
		b.WriteString(" (" + f.Hint + ")")
	}
	return b.String()
}

// Excerpt is the line of the file and a caret below the place, two lines that
// end in a newline; empty when the fault has no place. Secrets are masked.
func (f Fault) Excerpt() string { return f.excerpt }

// Faults is what is wrong with a file, in the order of the file.
type Faults []Fault

// Error is one line for each fault.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Report is each fault with its excerpt.
func (fs Faults) Report() string {
	var b strings.Builder
	for _, f := range fs {
		b.WriteString(f.Error() + "\n" + f.Excerpt())
	}
	return b.String()
}

func (fs Faults) sort() {
	slices.SortStableFunc(fs, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
}
