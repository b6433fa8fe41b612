package docs_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Each example has its command in examples.md, and each command its example.
func TestExamplesAreExplained(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join(root, "examples"))
	if err != nil {
		t.Fatal(err)
	}
	var there, told []string
	for _, e := range entries {
		if e.IsDir() && e.Name() != "internal" {
			there = append(there, e.Name())
		}
	}
	for _, block := range blocks(read(t, "examples.md"), "sh") {
		for line := range strings.Lines(block) {
			if name, ok := strings.CutPrefix(line, "go run ./examples/"); ok {
				told = append(told, strings.Fields(name)[0])
			}
		}
	}
	slices.Sort(told)
	if !slices.Equal(there, told) {
		t.Errorf("examples are %v, and examples.md has the commands of %v", there, told)
	}
}
