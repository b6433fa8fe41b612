package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/ThreeDotsLabs/watermill"
	wamqp "github.com/ThreeDotsLabs/watermill-amqp/v2/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/child"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// TestI1_I2_I3_EmbeddedKill9 kills a service that has the Resequencer as a
// middleware, again and again: on the stock subscribers, and on the bridge's own. What is poison is quarantined
// with its successors behind it, redriven by the service itself while it is
// killed once more, and then all has arrived in order.
func TestI1_I2_I3_EmbeddedKill9(t *testing.T) {
	for _, source := range []string{"watermill-amqp", "watermill-kafka", "pubsub"} {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			h := startHost(t, source)
			rng := rand.New(rand.NewPCG(2, uint64(len(source))))
			for range size(3, 6) {
				h.awaitDelivered(1 + rng.IntN(len(h.sent)/8))
				h.kill()
				h.run()
			}
			behind := h.behindPoison()
			h.awaitRest("the poison to stand", len(h.sent)-len(h.poison)-behind, behind, len(h.poison))
			h.judge(journal.Outcome{Dead: h.poison, Parked: h.parked()})

			h.send(syscall.SIGUSR1)
			h.awaitDelivered(1)
			h.kill()
			h.run()
			h.send(syscall.SIGUSR1) // for those that it had not reached
			h.awaitRest("all to arrive", len(h.sent), 0, 0)
			h.judge(journal.Outcome{})
			h.stop()
		})
	}
}

// TestI1_RefusedMiddlewareLosesNothing puts a stock PoisonQueue and a Resequencer
// into one router. Run ends and says so, and RabbitMQ still has all messages.
func TestI1_RefusedMiddlewareLosesNothing(t *testing.T) {
	t.Parallel()
	queue, poison := rig.QueueWith(t, nil), rig.QueueWith(t, nil)
	rig.Publish(t, queue, textual("a", 1), textual("a", 2))
	cfg := wamqp.NewDurableQueueConfig(rig.AMQP(t))
	in := must(wamqp.NewSubscriber(cfg, watermill.NopLogger{}))(t)
	out := must(wamqp.NewPublisher(cfg, watermill.NopLogger{}))(t)
	order := must(ordering.New(ordering.Config{
		Route: "service", Store: memory.New(), SingleInstance: true, First: 1,
		Identify: ordering.By{Key: []ordering.Field{ordering.Header("key")}, Revision: ordering.Header("revision")}.Identify,
	}))(t)
	router := must(message.NewRouter(message.RouterConfig{}, watermill.NopLogger{}))(t)
	router.AddMiddleware(must(middleware.PoisonQueue(out, poison))(t))
	router.AddConsumerHandler("service", queue, in, func(*message.Message) error {
		t.Error("the handler was called")
		return nil
	}).AddMiddleware(order.Middleware)

	ctx, stop := context.WithCancelCause(t.Context())
	go func() { stop(order.Run(ctx)) }()
	if err := errors.Join(router.Run(ctx), out.Close()); err != nil {
		t.Error(err)
	}
	var halt *ordering.HaltError
	if err := context.Cause(ctx); !errors.As(err, &halt) || halt.Reason != ordering.HaltMiddleware {
		t.Errorf("Run ended with %v", err)
	}
	e2e.Await(t, "both messages to be in the queue", settleTimeout, func() (string, bool) {
		n := rig.Depth(t, queue)
		return fmt.Sprint(n), n == 2
	})
	if n := rig.Depth(t, poison); n != 0 {
		t.Errorf("%d messages were given up", n)
	}
}

// host is a run of the child program service.
type host struct {
	t    *testing.T
	path string
	args []string
	log  string // of the run

	*child.Process
	crashes int

	target       string
	sent, poison []journal.Entry // distinct
}

// startHost fills a source and starts a service on it.
func startHost(t *testing.T, source string) *host {
	t.Helper()
	path, err := child.Build(t.TempDir(), "service", "./bridge/internal/e2e/child/service")
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, path: path, target: rig.Topic(t, 3)}
	h.args = []string{"-to", h.target, "-store", filepath.Join(t.TempDir(), "store"), "-amqp", rig.AMQP(t), "-kafka", strings.Join(rig.Kafka(t), ",")}
	h.args = append(h.args, fill(t, source, h.traffic())...)
	t.Cleanup(h.end)
	h.run()
	return h
}

// traffic is what is sent: shuffled, some of it twice, and in some keys poison.
func (h *host) traffic() []journal.Message {
	seen := map[string]bool{}
	all := slices.Collect(journal.Traffic{Keys: 20, Displaced: 40, Repeated: 0.1, Size: 200, Seed: 7, Messages: size(600, 4000)}.All())
	for i, m := range all {
		poison := m.Rev == 7 && strings.HasSuffix(m.Key, "3")
		if poison {
			all[i].Headers = map[string]string{"note": m.Headers["note"], "poison": "true"}
		}
		if id := fmt.Sprint(m.Key, "/", m.Rev); !seen[id] {
			seen[id] = true
			h.sent = append(h.sent, all[i].Entry())
			if poison {
				h.poison = append(h.poison, all[i].Entry())
			}
		}
	}
	return all
}

// fill makes a source and says where it is.
func fill(t *testing.T, source string, all []journal.Message) (args []string) {
	t.Helper()
	switch source {
	case "watermill-kafka":
		topic := rig.Topic(t, 3)
		rig.Produce(t, topic, each(all, recordOf)...)
		return []string{"-topic", topic}
	case "watermill-amqp":
		queue := rig.QueueWith(t, nil)
		rig.Publish(t, queue, each(all, textualOf)...)
		return []string{"-queue", queue}
	default:
		queue := rig.QueueWith(t, nil)
		rig.Publish(t, queue, each(all, publishingOf)...)
		return []string{"-queue", queue, "-window", "200"}
	}
}

func each[T any](all []journal.Message, as func(journal.Message) T) []T {
	out := make([]T, len(all))
	for i, m := range all {
		out[i] = as(m)
	}
	return out
}

// textualOf is a message as a publisher of watermill-amqp sends it: its headers
// are strings, and one of them is the id.
func textualOf(m journal.Message) amqp.Publishing {
	h := amqp.Table{"key": m.Key, "revision": fmt.Sprint(m.Rev), wamqp.DefaultMessageUUIDHeaderKey: m.ID}
	for name, v := range m.Headers {
		h[name] = v
	}
	return amqp.Publishing{DeliveryMode: amqp.Persistent, Headers: h, Body: m.Body}
}

// publishingOf is one as others send it, its id where AMQP has a place for it.
func publishingOf(m journal.Message) amqp.Publishing {
	p := textualOf(m)
	delete(p.Headers, wamqp.DefaultMessageUUIDHeaderKey)
	p.MessageId = m.ID
	return p
}

// recordOf is one as a publisher of watermill-kafka sends it.
func recordOf(m journal.Message) *kgo.Record {
	r := &kgo.Record{Key: []byte(m.Key), Value: m.Body}
	headers := map[string]string{"key": m.Key, "revision": fmt.Sprint(m.Rev), wamqp.DefaultMessageUUIDHeaderKey: m.ID}
	maps.Copy(headers, m.Headers)
	for name, v := range headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: []byte(v)})
	}
	return r
}

// run starts the service, and returns when its router runs.
func (h *host) run() {
	h.t.Helper()
	log, err := os.CreateTemp(h.t.TempDir(), "log")
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	h.log = log.Name()
	if h.Process, err = child.Start(log, nil, h.path, h.args...); err != nil {
		h.t.Fatal(err)
	}
	h.await("a first word", func(map[string]int) bool { return true })
}

func (h *host) send(s syscall.Signal) {
	h.t.Helper()
	if err := h.Signal(s); err != nil {
		h.t.Fatal(err)
	}
}

// kill ends the service as a crash does.
func (h *host) kill() {
	h.t.Helper()
	h.send(syscall.SIGKILL)
	if !h.Wait(settleTimeout) || h.Code() != -1 {
		h.t.Fatal("the service was not killed")
	}
	h.crashes++
}

// stop ends it as a service manager does.
func (h *host) stop() {
	h.t.Helper()
	h.send(syscall.SIGTERM)
	if !h.Wait(settleTimeout) || h.Code() != 0 {
		h.t.Errorf("exit code %d, want 0", h.Code())
	}
}

func (h *host) end() {
	err := h.Signal(syscall.SIGKILL)
	h.Wait(settleTimeout)
	if h.t.Failed() {
		text, readErr := os.ReadFile(h.log)
		h.t.Logf("the service said in its last run:\n%s%v", text[max(0, len(text)-4000):], errors.Join(err, readErr))
	}
}

// await waits until what the service said last fits.
func (h *host) await(what string, ok func(map[string]int) bool) {
	h.t.Helper()
	e2e.Await(h.t, what, settleTimeout, func() (string, bool) {
		if !h.Running() {
			h.t.Fatalf("the service ended while the test waited for %s", what)
		}
		text, err := os.ReadFile(h.log)
		if err != nil {
			h.t.Fatal(err)
		}
		last, now := "", map[string]int{}
		for line := range strings.Lines(string(text)) {
			if words, is := strings.CutPrefix(line, "at "); is && strings.HasSuffix(line, "\n") {
				last = words
			}
		}
		for _, word := range strings.Fields(last) {
			name, n, _ := strings.Cut(word, "=")
			now[name], _ = strconv.Atoi(n)
		}
		return last, last != "" && ok(now)
	})
}

// awaitDelivered waits until so many more messages are delivered, or all that can
// be before the poison is redriven.
func (h *host) awaitDelivered(more int) {
	h.t.Helper()
	from := -1
	h.await(fmt.Sprintf("%d messages to be delivered", more), func(at map[string]int) bool {
		if from < 0 {
			from = at["delivered"]
		}
		return at["delivered"] >= min(from+more, len(h.sent)-len(h.poison)-h.behindPoison()) && at["delivered"] > 0
	})
}

// awaitRest waits until nothing moves.
func (h *host) awaitRest(what string, delivered, parked, dead int) {
	h.t.Helper()
	h.await(fmt.Sprintf("%s: %d delivered, %d parked, %d dead", what, delivered, parked, dead), func(at map[string]int) bool {
		return at["delivered"] == delivered && at["parked"] == parked && at["dead"] == dead && at["unaccounted"] == 0
	})
}

// parked is how many messages stand behind poison, by key.
func (h *host) parked() map[string]int {
	behind := map[string]int{}
	for _, p := range h.poison {
		for _, e := range h.sent {
			if e.Key == p.Key && e.Rev > p.Rev {
				behind[e.Key]++
			}
		}
	}
	return behind
}

func (h *host) behindPoison() (n int) {
	for _, of := range h.parked() {
		n += of
	}
	return n
}

// judge compares what was sent with what the target has.
func (h *host) judge(o journal.Outcome) {
	h.t.Helper()
	o.Sent, o.Crashes, o.MaxAhead = h.sent, h.crashes, 8
	for _, r := range e2e.Records(h.t, h.target) {
		all := e2e.Headers(r)
		rev, err := strconv.ParseInt(all["revision"], 10, 64)
		if err != nil {
			h.t.Error(err)
		}
		e := journal.Entry{Key: all["key"], Rev: rev, ID: all[wamqp.DefaultMessageUUIDHeaderKey]}
		maps.DeleteFunc(all, func(name, _ string) bool { return name != "note" && name != "poison" })
		e.Print = journal.Print(r.Value, all)
		o.Got = append(o.Got, e)
	}
	judge(h.t, o)
	h.t.Logf("%d messages, %d delivered, %d crashes", len(o.Sent), len(o.Got), o.Crashes)
}
