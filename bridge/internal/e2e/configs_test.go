package e2e_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// TestTopologiesInConfigsRun runs each file of configs between the real brokers,
// with names of its own: what it declares is made, and a message comes through
// every route.
func TestTopologiesInConfigsRun(t *testing.T) {
	paths, err := filepath.Glob("../../../configs/*.yaml")
	if err != nil || len(paths) < 6 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			runs(t, path)
		})
	}
}

func runs(t *testing.T, path string) {
	f, err := config.Load(path, func(name string) (string, bool) {
		value, ok := map[string]string{"AMQP_URL": rig.AMQP(t), "KAFKA_BROKERS": rig.Kafka(t)[0]}[name]
		return value, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	rename(t, f)
	b, err := bridge.New(f, bridge.Options{Store: memory.New(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		_ = b.Close()
	}()
	e2e.Await(t, "the routes to run", settleTimeout, func() (string, bool) {
		for _, s := range b.Status(ctx) {
			if !s.Ready() {
				return s.Name + ": " + s.Reason, false
			}
		}
		return "", true
	})
	buries := map[string]int64{} // what others gave up ends in its route
	for i, r := range f.Routes {
		if from := r.From[0]; i == 0 || from.DeadLetters {
			send(t, from)
			if from.DeadLetters {
				buries[r.Name] = 1
			}
		}
	}
	e2e.Await(t, "a message through each route", settleTimeout, func() (string, bool) {
		for _, s := range b.Status(ctx) {
			if s.Counts.Dead != buries[s.Name] || s.Counts.Delivered != 1-buries[s.Name] || s.Counts.Unaccounted != 0 {
				return s.Name + " delivered none", false
			}
		}
		return "", true
	})
}

// rename gives queues, topics and groups names that no other test has,
// the same for the same, and makes those that the file does not declare.
func rename(t *testing.T, f *config.File) {
	t.Helper()
	type thing struct {
		name  string
		topic bool
	}
	known, renamed := map[thing]string{}, map[*config.To]bool{}
	unique := func(name *string, topic, declared bool) {
		was := thing{*name, topic}
		if *name != "" && known[was] == "" {
			known[was] = made(t, topic, declared)
		}
		*name = known[was]
	}
	for i := range f.Routes {
		r := &f.Routes[i]
		for j := range r.From {
			from := &r.From[j]
			unique(&from.Queue, false, from.Declare.On)
			unique(&from.Topic, true, from.Declare.On)
			if from.Topic != "" {
				from.Group = rig.Name(t)
			}
		}
		if !r.To.OriginQueue() {
			unique(&r.To.Queue, false, r.To.Declare.On)
		}
		unique(&r.To.Topic.Fixed, true, r.To.Declare.On)
		if events := r.Events.To; events != nil && !renamed[events] { // routes share that of the defaults
			renamed[events] = true
			unique(&events.Queue, false, events.Declare.On)
			unique(&events.Topic.Fixed, true, events.Declare.On)
		}
	}
}

// made is the name of a queue or topic that ends with the test.
func made(t *testing.T, topic, declared bool) string {
	t.Helper()
	switch name := rig.Name(t); {
	case !declared && topic:
		return rig.Topic(t, 1)
	case !declared:
		return rig.Queue(t)
	case topic:
		t.Cleanup(func() { _, _ = kadm.NewClient(rig.Client(t)).DeleteTopics(context.Background(), name) })
		return name
	default:
		t.Cleanup(func() { _, _ = rig.Channel(t).QueueDelete(name, false, false, false) })
		return name
	}
}

// send puts a message into a source that has whatever a file may look for.
func send(t *testing.T, from config.From) {
	t.Helper()
	headers := map[string]string{
		"key": "a", "order": "a", "revision": "1", "type": "cancelled", "ce_partitionkey": "a", "ce_sequence": "1",
	}
	if from.Topic != "" {
		r := &kgo.Record{Key: []byte("a"), Value: []byte("{}")}
		for name, value := range headers {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
		}
		rig.Produce(t, from.Topic, r)
		return
	}
	p := amqp.Publishing{MessageId: "a-1", CorrelationId: "a", Timestamp: time.Unix(1, 0), Headers: amqp.Table{}, Body: []byte("{}")}
	for name, value := range headers {
		p.Headers[name] = value
	}
	rig.Publish(t, from.Queue, p)
}
