package main

import (
	"os"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

func TestMain(m *testing.M) { os.Exit(e2e.Main(m)) }

// TestChaos does a dozen faults to a bridge with a route in each direction, and
// two hundred in full.
func TestChaos(t *testing.T) {
	o := options{seed: 30, faults: 12, rate: 200, directions: strings.Split(everyWay, ",")}
	if rig.Full() {
		o.seed, o.faults = 1, 200
	}
	v := run(t.Context(), t, o, func(line string) { t.Log(line) })
	t.Logf("\n%v", v)
	if v.sum().Messages == 0 || v.faults != o.faults {
		t.Errorf("%d messages, %d faults", v.sum().Messages, v.faults)
	}
	for _, broken := range v.broken {
		t.Error(broken)
	}
}
