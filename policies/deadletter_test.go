package policies

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/ThreeDotsLabs/watermill/message"
)

func failing(err error) message.HandlerFunc {
	return func(*message.Message) ([]*message.Message, error) { return nil, err }
}

func TestDeadLetterTakesWhatWasGivenUp(t *testing.T) {
	final := &Verdict{Of: Transient, Tries: 10, Final: true, Why: "max_attempts", Err: errFlaky}
	for _, tt := range []struct {
		name           string
		err            error
		reason, class  string
		tries, problem string
	}{
		{"a final verdict", final, "max_attempts", "transient", "10", "flaky"},
		{"a wrapped one", errors.Join(final), "max_attempts", "transient", "10", "flaky"},
		{"permanent, without Retry", errBad, "too_large", "permanent", "1", "message too large"},
		{"permanent, without a reason", As(Permanent, errFlaky), "permanent", "permanent", "1", "flaky"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pub := &recorder{}
			d := DeadLetter{Publisher: pub, Topic: "dlq"}
			if _, err := d.Middleware(failing(tt.err))(messages(1)[0]); err != nil {
				t.Fatalf("got %v, want an ack", err)
			}
			if len(pub.msgs) != 1 || pub.topics[0] != "dlq" {
				t.Fatalf("published %d messages to %v", len(pub.msgs), pub.topics)
			}
			m := pub.msgs[0].Metadata
			if m[HeaderReason] != tt.reason || m[HeaderClass] != tt.class || m[HeaderAttempts] != tt.tries || m[HeaderError] != tt.problem {
				t.Errorf("got %v", m)
			}
		})
	}
}

func TestDeadLetterLeavesTheRestAlone(t *testing.T) {
	for name, err := range map[string]error{
		"success":                     nil,
		"transient, without Retry":    errFlaky,
		"unavailable":                 errAway,
		"interrupted":                 errStop,
		"a verdict to try again":      &Verdict{Of: Transient, After: 1, Err: errFlaky},
		"a verdict to wait":           &Verdict{Of: Unavailable, After: 1, Err: errAway},
		"a verdict interrupted":       &Verdict{Of: Interrupted, Err: errBad},
		"interrupted after a bad one": &Verdict{Of: Interrupted, Err: errors.Join(errBad, errStop)},
	} {
		t.Run(name, func(t *testing.T) {
			pub := &recorder{}
			if _, got := (DeadLetter{Publisher: pub}).Middleware(failing(err))(messages(1)[0]); got != err {
				t.Errorf("got %v", got)
			}
			if pub.asked != 0 {
				t.Errorf("published %d", pub.asked)
			}
		})
	}
}

func TestW8_DeadLetterOfAnEndedContext(t *testing.T) {
	pub := &recorder{}
	if _, err := (DeadLetter{Publisher: pub}).Middleware(failing(errBad))(ended()); err == nil || pub.asked != 0 {
		t.Errorf("got %v, published %d", err, pub.asked)
	}
}

func TestDeadLetterTellsTheStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pub, start, calls := &recorder{}, time.Now().UTC(), 0
		d := DeadLetter{Publisher: pub, Route: "orders", Target: "kafka topic orders"}
		h := d.Middleware(steady.Middleware(handler(&calls, times(9, errors.New("order 41 not found"))...)))
		if _, err := h(messages(1)[0]); err != nil {
			t.Fatal(err)
		}
		want := message.Metadata{
			"bridge-dlq-reason":          "max_attempts",
			"bridge-dlq-class":           "transient",
			"bridge-dlq-error":           "order 41 not found",
			"bridge-dlq-attempts":        "3",
			"bridge-dlq-first-failed-at": start.Format(time.RFC3339),
			"bridge-dlq-last-failed-at":  start.Add(3 * time.Second).Format(time.RFC3339),
			"bridge-dlq-route":           "orders",
			"bridge-dlq-target":          "kafka topic orders",
			"bridge-dlq-fingerprint":     Fingerprint("max_attempts", "order 42 not found"),
		}
		if got := pub.msgs[0].Metadata; !maps.Equal(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	})
}

func TestI9_DeadLetterIsTheMessageAsItArrived(t *testing.T) {
	for name, payload := range map[string]message.Payload{
		"nil": nil, "empty": {}, "text": message.Payload("body"), "bytes": {0, 0xff, '\n', 0xc3},
	} {
		t.Run(name, func(t *testing.T) {
			pub := &recorder{}
			msg := message.NewMessage("id-1", payload)
			msg.Metadata = message.Metadata{"revision": "7", "bytes": "\xff\n", HeaderReason: "late", HeaderTarget: "old"}
			_, err := DeadLetter{Publisher: pub}.Middleware(func(m *message.Message) ([]*message.Message, error) {
				m.Payload = message.Payload("decoded")
				m.Metadata.Set("revision", "changed by the handler")
				return nil, errBad
			})(msg)
			if err != nil {
				t.Fatal(err)
			}
			got := pub.msgs[0]
			if got.UUID != "id-1" || string(got.Payload) != string(payload) || (got.Payload == nil) != (payload == nil) {
				t.Errorf("got %q with %#v", got.UUID, got.Payload)
			}
			if got.Metadata["revision"] != "7" || got.Metadata["bytes"] != "\xff\n" || got.Metadata[HeaderReason] != "too_large" {
				t.Errorf("got %q", got.Metadata)
			}
			if old, ok := got.Metadata[HeaderTarget]; ok {
				t.Errorf("the story of a former life is left: %q", old)
			}
		})
	}
}

func TestDeadLetterWithoutHeaders(t *testing.T) {
	pub := &recorder{}
	if _, err := (DeadLetter{Publisher: pub}).Middleware(failing(errBad))(&message.Message{}); err != nil || len(pub.msgs) != 1 {
		t.Errorf("got %v, %d published", err, len(pub.msgs))
	}
}

func TestI1_DeadLetterThatCannotBePublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errDown, start := errors.New("broker down"), time.Now()
		pub := &recorder{fail: []error{errDown}}
		h := DeadLetter{Publisher: pub, Topic: "dlq"}.Middleware(failing(errBad))
		_, err := h(messages(1)[0])
		if !errors.Is(err, errDown) || ClassOf(err) != Unavailable {
			t.Fatalf("got %v", err)
		}
		if errors.Is(err, errBad) {
			t.Errorf("the failure to publish looks like the message's own")
		}
		if took := time.Since(start); took != awhile {
			t.Errorf("returned after %v: a hot loop (I5)", took)
		}
		if _, err := h(messages(1)[0]); err != nil || len(pub.msgs) != 1 {
			t.Errorf("delivered again: %v, %d published", err, len(pub.msgs))
		}
	})
}

func TestDeadLetterErrorIsBounded(t *testing.T) {
	pub := &recorder{}
	long := As(Permanent, errors.New(strings.Repeat("ä", maxErrorText)+"\xff"))
	if _, err := (DeadLetter{Publisher: pub}).Middleware(failing(long))(messages(1)[0]); err != nil {
		t.Fatal(err)
	}
	if text := pub.msgs[0].Metadata[HeaderError]; len(text) > maxErrorText || !utf8.ValidString(text) {
		t.Errorf("%d bytes, valid %v", len(text), utf8.ValidString(text))
	}
}

func TestDeadLetterNeedsAPublisher(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("accepted")
		}
	}()
	DeadLetter{}.Middleware(failing(nil))
}

func TestFingerprint(t *testing.T) {
	const reason = "max_attempts"
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"order 41 not found", "order 42 not found", true},
		{`no such key "a b"`, `no such key "c"`, true},
		{"user 550e8400-e29b-41d4-a716-446655440000 gone", "user 123e4567-e89b-12d3-a456-426614174000 gone", true},
		{"dial 10.0.0.1:5672: refused", "dial 10.0.0.2:5672: refused", true},
		{"panic: boom\n\nstack 1", "panic: boom\n\nstack two", true},
		{"not found", "not allowed", false},
	} {
		if got := Fingerprint(reason, tt.a) == Fingerprint(reason, tt.b); got != tt.same {
			t.Errorf("%q and %q: same is %v", tt.a, tt.b, got)
		}
	}
	if Fingerprint("late", "x") == Fingerprint("loop", "x") || len(Fingerprint("late", "")) != 16 {
		t.Error("the reason is left out, or the length is wrong")
	}
}
