package policies

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering/spans"
)

// The headers in which a dead letter tells its story.
const (
	HeaderReason        = "bridge-dlq-reason"          // why it was given up: max_attempts, permanent, panic, …
	HeaderClass         = "bridge-dlq-class"           // of the last failure
	HeaderError         = "bridge-dlq-error"           // its text, at most 8 KiB
	HeaderAttempts      = "bridge-dlq-attempts"        // tries spent
	HeaderFirstFailedAt = "bridge-dlq-first-failed-at" // RFC 3339, UTC
	HeaderLastFailedAt  = "bridge-dlq-last-failed-at"  // RFC 3339, UTC
	HeaderRoute         = "bridge-dlq-route"           // the route, or the router's handler
	HeaderTarget        = "bridge-dlq-target"          // where it was going, if known
	HeaderFingerprint   = "bridge-dlq-fingerprint"     // what it shares with failures of the same kind, see Fingerprint
)

var headers = [...]string{
	HeaderReason, HeaderClass, HeaderError, HeaderAttempts, HeaderFirstFailedAt,
	HeaderLastFailedAt, HeaderRoute, HeaderTarget, HeaderFingerprint,
}

// maxErrorText is how much of an error's text a header holds. Brokers limit
// headers: RabbitMQ to a frame of 128 KiB for all.
const maxErrorText = 8 << 10

// DeadLetter publishes messages that were given up, with their story, and then
// lets them be acknowledged. It belongs outside [Retry].
//
// A message is given up by a final [Verdict], or by a [Permanent] error that no
// Retry has seen. Every other error passes to the router: what was interrupted,
// or failed because the target is away, never becomes a dead letter.
type DeadLetter struct {
	// Publisher takes the dead letters. It must return only once the broker has
	// them: afterwards the source is acknowledged. Required.
	Publisher message.Publisher

	// Topic is where they are published.
	Topic string

	// Route names the flow in the headers. Empty: the router's handler.
	Route string

	// Target says in the headers where the message was going. Empty: the topic the
	// router publishes the handler's messages to, if any.
	Target string

	// Spans follows what is published with OpenTelemetry, in send spans: its flow's
	// Target is Topic. Nil: nobody does.
	Spans *spans.Tracer
}

// Middleware publishes what h gives up, as it was when it arrived: its UUID, its
// payload, and its headers beside those of this package. If that fails, the
// error goes to the router, after a pause, so that the message is delivered
// again and not in a hot loop.
//
// It panics if there is no Publisher.
func (d DeadLetter) Middleware(h message.HandlerFunc) message.HandlerFunc {
	if d.Publisher == nil {
		panic("policies: DeadLetter without a Publisher")
	}
	publish := d.Spans.Send(func(msgs []*message.Message) []error {
		return []error{d.Publisher.Publish(d.Topic, msgs...)}
	}, func(err error) string { return ClassOf(err).String() })
	return func(msg *message.Message) ([]*message.Message, error) {
		letter := copyOf(msg)
		produced, err := h(msg)
		v := givenUp(letter.Context(), err)
		if v == nil {
			return produced, err
		}
		d.address(letter, v)
		if err := publish([]*message.Message{letter})[0]; err != nil {
			sleep(letter.Context(), awhile)
			return nil, d.unpublished(err, v)
		}
		return nil, nil
	}
}

// unpublished is the error of a dead letter that could not be published. It
// keeps the text of the verdict, not the verdict: nothing was given up yet.
func (d DeadLetter) unpublished(err error, v *Verdict) error {
	return As(Unavailable, fmt.Errorf("publish dead letter to %q: %w (given up for: %s)", d.Topic, err, firstLine(v.Error())))
}

// copyOf keeps a message as it arrived; handlers may change what they are given.
func copyOf(msg *message.Message) *message.Message {
	letter := message.NewMessage(msg.UUID, msg.Payload)
	maps.Copy(letter.Metadata, msg.Metadata)
	letter.SetContext(msg.Context())
	return letter
}

// givenUp is the verdict by which a message becomes a dead letter, or nil.
func givenUp(ctx context.Context, err error) *Verdict {
	if err == nil {
		return nil
	}
	var v *Verdict
	switch {
	case errors.As(err, &v):
	case classUnder(ctx, err) == Permanent:
		v = &Verdict{Of: Permanent, Tries: 1, Err: err}
		v.giveUp(why(Permanent, err))
	}
	if v == nil || !v.Final {
		return nil
	}
	return v
}

// address writes the story on a dead letter.
func (d DeadLetter) address(letter *message.Message, v *Verdict) {
	now, ctx := time.Now(), letter.Context()
	s := Story{
		Reason: v.Why, Class: v.Class(), Error: v.Error(), Attempts: v.Tries, FirstFailed: v.Since, LastFailed: now,
		Route:  cmp.Or(d.Route, message.HandlerNameFromCtx(ctx)),
		Target: cmp.Or(d.Target, message.PublishTopicFromCtx(ctx)),
	}
	if s.FirstFailed.IsZero() {
		s.FirstFailed = now
	}
	s.Write(letter.Metadata)
}

// Story is what the headers of a dead letter tell.
type Story struct {
	Reason, Class, Error    string
	Attempts                int
	FirstFailed, LastFailed time.Time
	Route, Target           string
}

// Write writes the story over that of a former life. What is empty gets no
// header.
func (s Story) Write(md message.Metadata) {
	values := [len(headers)]string{
		s.Reason, s.Class, bounded(s.Error), strconv.Itoa(s.Attempts), stamp(s.FirstFailed), stamp(s.LastFailed),
		s.Route, s.Target, Fingerprint(s.Reason, s.Error),
	}
	for i, name := range headers {
		delete(md, name)
		if values[i] != "" {
			md[name] = values[i]
		}
	}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// bounded cuts a text to what a header holds, never inside a character.
func bounded(text string) string {
	if len(text) > maxErrorText {
		text = text[:maxErrorText]
	}
	return strings.ToValidUTF8(text, "")
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// particular matches what differs between failures of one kind: quoted text, and
// words with a digit, such as numbers, identifiers, addresses and times.
var particular = regexp.MustCompile(`"[^"]*"|'[^']*'|[\w.:-]*\d[\w.:-]*`)

// Fingerprint groups dead letters that failed alike: 16 hexadecimal digits made
// of the reason and the error's first line without its particulars. "order 41
// not found" and "order 42 not found" share one.
func Fingerprint(reason, err string) string {
	kind := particular.ReplaceAllString(firstLine(err), "?")
	sum := sha256.Sum256([]byte(reason + "\x00" + kind))
	return hex.EncodeToString(sum[:8])
}
