package main

import (
	"os"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/examples/internal/twice"
)

// TestMain lets the example run this program, which is the test, as its service.
func TestMain(m *testing.M) {
	if twice.IsService() {
		main()
		return
	}
	os.Exit(m.Run())
}

// told is the story.
const told = `
The first process
  O-1 revision 3 (placed) arrives
  O-1 revision 1 (opened) arrives
  O-2 revision 2 (placed) arrives
  O-1 revision 2 (line added) arrives
      service: revision 3 becomes summary 1 of O-1
      partner: summary 1 of O-1 is {"event":"OrderPlaced","customer":"Ada, Uppsala"}
  O-2 revision 1 (opened) arrives
      service: revision 2 becomes summary 1 of O-2
      partner: summary 1 of O-2 is {"event":"OrderPlaced","customer":"Max, Graz"}
  O-1 revision 3 (placed) arrives
  O-1 revision 5 (label printed) arrives
  O-1 revision 4 (picked) arrives
  O-1 revision 6 (shipped) arrives
      service: revision 6 becomes summary 2 of O-1
      partner: summary 2 of O-1 is {"event":"OrderShipped","customer":"Ada, Uppsala"}
  KILLED: summary 2 of O-1 is published, the checkpoint is not there
The second process, which is sent everything anew
  O-1 revision 3 (placed) arrives
  O-1 revision 1 (opened) arrives
  O-2 revision 2 (placed) arrives
  O-1 revision 2 (line added) arrives
  O-2 revision 1 (opened) arrives
  O-1 revision 3 (placed) arrives
  O-1 revision 5 (label printed) arrives
  O-1 revision 4 (picked) arrives
  O-1 revision 6 (shipped) arrives
      service: revision 6 becomes summary 2 of O-1
  O-2 revision 4 (cancelled) arrives
  O-2 revision 3 (stock reserved) arrives
      service: revision 4 becomes summary 2 of O-2
      partner: summary 2 of O-2 is {"event":"OrderCancelled","customer":"Max, Graz"}
  O-1 revision 7 (delivered) arrives
      service: revision 7 becomes summary 3 of O-1
      partner: summary 3 of O-1 is {"event":"OrderDelivered","customer":"Ada, Uppsala"}
  O-1: the service is at revision 7; the partner at summary 3, flowing, skipped: 0
  O-2: the service is at revision 4; the partner at summary 2, flowing, skipped: 0
  events: summarized 5, internal 6, copies dropped 9; summaries: received 5, copies dropped 1
`

// The partner finds no gap and gets nothing twice, though only some of the events
// are for him and the process is killed.
func TestStory(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Error(err)
	}
	if got := "\n" + out.String(); got != told {
		t.Errorf("the story is%s\nand should be%s", got, told)
	}
}
