package roulette

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// I5, I2: of three services that are given the same, two try the ten again and
// again, and one overtakes them; the bridge does neither.
func TestOneDoesNotPlay(t *testing.T) {
	var out strings.Builder
	scores, err := Run(t.Context(), Options{Out: &out, URL: rig.AMQP(t), Lasts: 4 * time.Second})
	if err != nil || len(scores) != 3 {
		t.Fatalf("%v\n%s", err, out.String())
	}
	stands, overtakes, bridge := scores[0], scores[1], scores[2]
	if stands.Then.Done > 500 || stands.Then.Again < 100 || stands.End.Early != 0 {
		t.Errorf("with one in flight: %+v", stands)
	}
	if overtakes.Then.Again < 100 || overtakes.End.Early == 0 {
		t.Errorf("with several in flight: %+v", overtakes)
	}
	if bridge.Then.Again != 0 || bridge.Then.Refused > 40 || bridge.End.Early != 0 || bridge.End.Dead+bridge.End.Parked != 0 {
		t.Errorf("the bridge: %+v", bridge)
	}
	for _, s := range scores {
		if s.End.Done != messages {
			t.Errorf("%s has done %d in the end", s.Name, s.End.Done)
		}
	}
	t.Logf("\n%s", out.String())
}

func TestNobodyIsThere(t *testing.T) {
	var out strings.Builder
	_, err := Run(t.Context(), Options{Out: &out, URL: "amqp://guest:hunter2@127.0.0.1:1/"})
	if !errors.Is(err, ErrUnreachable) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}
