package main

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A later note of a partition replaces the earlier one.
func TestMirrorMakersNotesSayHowFarItIs(t *testing.T) {
	copied := map[string]int{}
	for _, n := range [][2]string{{"p0", `{"offset":0}`}, {"p1", `{"offset":41}`}, {"p0", `{"offset":7}`}} {
		if err := noteCopied(copied, &kgo.Record{Key: []byte(n[0]), Value: []byte(n[1])}); err != nil {
			t.Fatal(err)
		}
	}
	if len(copied) != 2 || copied["p0"] != 7 || copied["p1"] != 41 {
		t.Errorf("copied %v", copied)
	}
	for _, wrong := range []string{"", "{}", "7"} {
		if err := noteCopied(copied, &kgo.Record{Value: []byte(wrong)}); err == nil {
			t.Errorf("%q was understood", wrong)
		}
	}
}
