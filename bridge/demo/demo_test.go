package demo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/config"
)

// small is a demo of a second or two.
func small() Options {
	return Options{Messages: 600, Keys: 12, Seed: 1, Rate: 500, GapTimeout: 300 * time.Millisecond}
}

func TestWhatIsPromisedIsFoundInKafka(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	opts := small()
	opts.Out = &out
	r, err := Run(t.Context(), opts)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if r.Records != r.Places.Delivered || r.Places.Delivered+r.Places.Parked+r.Places.Dead != opts.Messages-1 {
		t.Errorf("%d records; places %+v of %d events, one never sent", r.Records, r.Places, opts.Messages)
	}
	if r.Early == 0 || r.Duplicated == 0 || r.Dropped <= r.Late || r.MostGaps == 0 {
		t.Errorf("a bad day is worse than this: %+v", r)
	}
	if got := r.Counts.Duplicates; got != int64(r.Duplicated)+r.Redelivered {
		t.Errorf("%d duplicates dropped; %d were sent and %d delivered again", got, r.Duplicated, r.Redelivered)
	}
	if len(r.DeadLetters) != 4 || len(r.Blocked) != 2 || len(r.Healed) < r.Late {
		t.Errorf("dead letters %+v, blocked %+v, healed %+v", r.DeadLetters, r.Blocked, r.Healed)
	}
	for _, want := range []string{"Passed:", "too_large", "gap_timeout", "revision_conflict", "revision_missing", "Next"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, out.String())
		}
	}
}

// A check that cannot fail says nothing.
func TestAFalsifiedTopicIsNoticed(t *testing.T) {
	t.Parallel()
	for _, how := range []Tamper{Loss, Order} {
		t.Run(string(how), func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			opts := small()
			opts.Out, opts.Tamper, opts.Dir = &out, how, t.TempDir()
			r, err := Run(t.Context(), opts)
			if !errors.Is(err, ErrFailed) || r.OK() {
				t.Fatalf("error %v; faults %q", err, r.Faults)
			}
			found := map[Tamper][]string{Loss: r.Places.Lost, Order: r.Wrong.Swapped}[how]
			if len(found) == 0 || !strings.Contains(out.String(), found[0]) {
				t.Errorf("faults %q are not in the report:\n%s", found, out.String())
			}
		})
	}
}

func TestCancelledItEndsCleanly(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var out strings.Builder
	opts := small()
	opts.Out, opts.Live = &out, true
	if _, err := Run(ctx, opts); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrFailed) {
		t.Errorf("error %v", err)
	}
	if !strings.Contains(out.String(), "Stopped.") {
		t.Errorf("it does not say that it stopped:\n%s", out.String())
	}
}

func TestADirectoryIsKept(t *testing.T) {
	t.Parallel()
	opts := small()
	opts.Rate = -1
	opts.Dir = filepath.Join(t.TempDir(), "kept")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := Run(ctx, opts); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(opts.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{"bridge.log", "store", "topology.yaml"}; !slices.Equal(names, want) {
		t.Errorf("kept %v, want %v", names, want)
	}
	if _, err := Run(t.Context(), opts); !errors.Is(err, ErrOptions) {
		t.Errorf("a second demo in the same directory: %v", err)
	}
}

func TestTooSmallIsRefused(t *testing.T) {
	t.Parallel()
	for _, opts := range []Options{{Keys: 3}, {Messages: 100, Keys: 10}} {
		if _, err := Run(t.Context(), opts); !errors.Is(err, ErrOptions) {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}

func TestTheTopologyRuns(t *testing.T) {
	t.Parallel()
	f, err := parse(Topology("127.0.0.1:9092", `C:\a "quoted" place`, 0))
	if err != nil {
		t.Fatal(err)
	}
	if faults := config.Unavailable(f); len(faults) > 0 {
		t.Error(faults)
	}
	if r := f.Routes[0]; r.Name != routeName || r.From[0].Queue != queueName || r.To.Topic.Fixed != topicName {
		t.Errorf("the feed and the check use other names than %+v", r)
	}
}
