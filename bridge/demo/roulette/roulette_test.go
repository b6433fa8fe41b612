package roulette

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// I5, I2: of three services that are given the same, one stands still at the first of
// the ten and one overtakes them, and both try them again and again. The bridge does
// neither, and loses nothing.
func TestTheBridgeDoesNotPlay(t *testing.T) {
	const many, behind = 50, 45 // of the ten keys 9, 8, 7 messages and so on
	var out strings.Builder
	scores, err := Run(t.Context(), Options{
		Out: &out, URL: rig.AMQP(t), Messages: 1000, Lasts: time.Minute,
		enough: func(ctx context.Context, players []*player) bool {
			a, b, c := players[0].standing(ctx), players[1].standing(ctx), players[2].standing(ctx)
			return a.Again > many && b.Again > many && b.Done == 990 && c.Done == 990-behind && c.Parked == behind && c.Dead == poison
		},
	})
	if err != nil || len(scores) != 3 {
		t.Fatalf("%v\n%s", err, out.String())
	}
	stands, overtakes, bridge := scores[0], scores[1], scores[2]
	if stands.Then.Done != 50 || stands.Then.Again <= many || stands.End.Early != 0 {
		t.Errorf("with one in flight: %+v", stands)
	}
	if overtakes.Then.Again <= many || overtakes.Then.Early != behind {
		t.Errorf("with several in flight: %+v", overtakes)
	}
	if bridge.Then.Again != 0 || bridge.Then.Refused != 40 || bridge.Then.Dead != poison || bridge.End.Early != 0 || bridge.End.Dead+bridge.End.Parked != 0 {
		t.Errorf("the bridge: %+v", bridge)
	}
	for _, s := range scores {
		if s.End.Done != 1000 {
			t.Errorf("%s has done %d in the end", s.Name, s.End.Done)
		}
	}
	for _, want := range []string{
		"       50  messages done before that, of 990 that lack nothing",
		"       10  dead letters, and 45 messages parked behind them",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

// I11: the URL is not told.
func TestNobodyIsThere(t *testing.T) {
	for _, url := range []string{"amqp://guest:hunter2@127.0.0.1:1/", "amqp://guest:hunter2@127.0.0.1:port/", "nothing:hunter2@\x7f"} {
		var out strings.Builder
		_, err := Run(t.Context(), Options{Out: &out, URL: url})
		if !errors.Is(err, ErrUnreachable) || strings.Contains(err.Error()+out.String(), "hunter2") {
			t.Errorf("got %v", err)
		}
	}
}
