package e2e_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// TestW9_EmbeddedOnStockClients runs the example of a service on the stock
// subscriber of watermill-amqp, which keeps one message in flight: what comes
// early is parked and acknowledged, so that what it waits for can come.
func TestW9_EmbeddedOnStockClients(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "run", "./examples/embedded")
	cmd.Dir = rig.Root()
	cmd.Env = append(cmd.Environ(), "AMQP_URL="+rig.AMQP(t), "KAFKA_BROKERS="+strings.Join(rig.Kafka(t), ","))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var got []string
	for line := range strings.Lines(string(out)) {
		if _, rev, ok := strings.Cut(line, "from Kafka:  order A-1, revision "); ok {
			got = append(got, strings.TrimSpace(rev))
		}
	}
	if want := []string{"1", "2", "3", "4", "5", "6"}; !slices.Equal(got, want) {
		t.Errorf("Kafka has %v\n%s", got, out)
	}
}
