package main

import (
	"bytes"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestStory plays it some times: the bus is different each time, the ends are not.
func TestStory(t *testing.T) {
	const want = `
B-1 done [EUR taken 32, payment taken 1, stock reserved 1, shipped 1]
B-2 cancelled [EUR returned 70, EUR taken 70, payment refunded 1, payment taken 1, stock missing 1]
B-3 cancelled [EUR returned 35, EUR taken 35, payment refunded 1, payment taken 1, stock released 1, stock reserved 1, shipping refused 1]
`
	for range 5 {
		var out bytes.Buffer
		if err := run(t.Context(), &out); err != nil || !strings.HasSuffix(out.String(), want) {
			t.Fatalf("it ended with %v, and should end with %s\n%s", err, want, &out)
		}
	}
}
