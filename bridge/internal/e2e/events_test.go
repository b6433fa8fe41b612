package e2e_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/ordering/failpoint"
)

// told is an event as a program reads it.
type told struct{ id, kind, subject, source, content, recordKey, body string }

// eventsIn reads the events in a topic or a queue. A queue is emptied by it.
func eventsIn(t *testing.T, place e2e.Place) (all []told) {
	t.Helper()
	const prefix = "com.github.brokerbridge."
	if place.IsTopic() {
		for _, r := range e2e.Records(t, place.String()) {
			h := e2e.Headers(r)
			all = append(all, told{
				h["ce_id"], strings.TrimPrefix(h["ce_type"], prefix), h["ce_subject"], h["ce_source"], h["content-type"], string(r.Key), string(r.Value),
			})
		}
		return all
	}
	for _, d := range e2e.Deliveries(t, place.String()) {
		h := func(name string) string { s, _ := d.Headers["cloudEvents:"+name].(string); return s }
		all = append(all, told{
			h("id"), strings.TrimPrefix(h("type"), prefix), h("subject"), h("source"), d.ContentType, h("subject"), string(d.Body),
		})
	}
	return all
}

// TestI1_EventsSurviveKill9 tells programs of dead letters, quarantines, skips and
// discards, in a topic and in a queue, while the bridge is killed. Each event is
// there at least once, and what comes twice has the same id.
func TestI1_EventsSurviveKill9(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]func(*testing.T) e2e.Place{
		"topic": func(t *testing.T) e2e.Place { return e2e.Topic(rig.Topic(t, 3)) },
		"queue": func(t *testing.T) e2e.Place { return e2e.Queue(rig.Queue(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eventsSurvive(t, place(t))
		})
	}
}

func eventsSurvive(t *testing.T, events e2e.Place) {
	limit := "50000"
	from, topic := rig.Queue(t), rig.TopicWith(t, 3, map[string]*string{"max.message.bytes": &limit})
	keys := size(30, 200)
	e2e.Publish(t, e2e.Queue(from), eachWithLarge(keys, 2))
	rig.Publish(t, from, ordered("gap", 1), ordered("gap", 4))
	to := fmt.Sprintf("events: { to: { broker: lake, topic: %q } }", events)
	if !events.IsTopic() {
		to = fmt.Sprintf("events: { to: { broker: shop, queue: %q } }", events)
	}
	b := e2e.Prepare(t, e2e.Options{Routes: e2e.Route{
		From: e2e.Queues(from), To: e2e.Topic(topic), Gap: "{ hold: 50ms, timeout: 1s, then: skip }", Rest: to + "\nowner: team-orders",
	}.String(), Failpoints: true})
	b.Run([]string{"BRIDGE_FAIL=" + string(failpoint.Mirrored) + "@2"}) // sent, and the store does not know
	b.AwaitCrash()
	b.Run(nil)
	rng := rand.New(rand.NewPCG(5, 9))
	crash := func() {
		time.Sleep(time.Duration(200+rng.IntN(800)) * time.Millisecond)
		_ = b.Signal(syscall.SIGKILL)
		b.AwaitCrash()
		b.Run(nil)
	}
	for range size(3, 6) {
		crash()
	}
	b.AwaitAlive()
	e2e.Rest{Messages: 2*keys + 2, Dead: keys}.Await(b, settleTimeout)
	for i, d := range b.DeadLetters("orders") {
		if i == keys/2 {
			crash()
			b.AwaitAlive()
			b.AwaitReady(recovery)
		}
		b.Must("dlq", "discard", d.ID, "--reason", "a test")
	}
	b.Await("the events to be sent", settleTimeout, func() (string, bool) {
		m, ok := b.Metrics()
		unsent := m.Sum("bridge_unsent_events")
		return fmt.Sprint(unsent), ok && unsent == 0 && m.Sum("bridge_dead_letter_messages") == 0
	})
	seen := eventsIn(t, events)
	kinds := map[string]map[string]bool{}
	for _, e := range seen {
		if kinds[e.kind] == nil {
			kinds[e.kind] = map[string]bool{}
		}
		kinds[e.kind][e.subject] = true
	}
	for kind, want := range map[string]int{"dead_letter": keys, "quarantine": keys, "discard": keys, "skip": 1} {
		if n := len(kinds[kind]); n != want {
			t.Errorf("I1: events of type %s for %d keys, want %d", kind, n, want)
		}
	}
	once := checkEvents(t, seen)
	if want := 3*keys + 1; once != want {
		t.Errorf("%d events, want %d", once, want)
	}
	if len(seen) == once {
		t.Error("none was sent again: the crash was not where it should have been")
	}
	t.Logf("%d events, %d of them again, %d crashes", once, len(seen)-once, b.Crashes())
	stopped(t, b)
}

// checkEvents returns how many different events there are.
func checkEvents(t *testing.T, seen []told) int {
	t.Helper()
	known := map[string]told{}
	for _, e := range seen {
		if first, again := known[e.id]; again && first != e {
			t.Errorf("two events have the id %s:\n%v\n%v", e.id, first, e)
		}
		known[e.id] = e
		var data struct{ Route, Key, Owner, By, Reason string }
		if err := json.Unmarshal([]byte(e.body), &data); err != nil {
			t.Error(err)
		}
		if e.recordKey != e.subject || e.content != "application/json" || !strings.HasSuffix(e.source, "/routes/orders") ||
			data.Route != "orders" || data.Key != e.subject || data.Owner != "team-orders" ||
			e.kind == "discard" && (data.By == "" || data.Reason != "a test") {
			t.Errorf("%+v", e)
		}
	}
	return len(known)
}

// TestReplyToSender answers those who asked for it, and only those; a queue that
// is gone keeps nobody waiting.
func TestReplyToSender(t *testing.T) {
	t.Parallel()
	queue, topic, answers, answerTopic := rig.Queue(t), rig.Topic(t, 1), rig.Queue(t), rig.Topic(t, 1)
	fails := func(to, correlation string) amqp.Publishing { // it has no revision
		return amqp.Publishing{MessageId: "m" + correlation, ReplyTo: to, CorrelationId: correlation, Headers: amqp.Table{"key": "a"}}
	}
	rig.Publish(t, queue, fails("", "0"), fails(rig.Name(t), "1"), fails(answers, "2"), fails(answers, ""), ordered("a", 1))
	record := &kgo.Record{Value: []byte("x"), Headers: []kgo.RecordHeader{
		{Key: "key", Value: []byte("a")}, {Key: "kafka_replyTopic", Value: []byte(answerTopic)}, {Key: "kafka_correlationId", Value: []byte("\x00\xff")},
	}}
	rig.Produce(t, topic, record)
	const reply = "dead_letter: { reply: true }"
	routes := e2e.Route{From: e2e.Queues(queue), To: e2e.Topic(rig.Topic(t, 1)), Rest: reply}.String() +
		e2e.Route{Name: "records", From: []e2e.Place{e2e.Topic(topic)}, To: e2e.Queue(rig.Queue(t)), Rest: reply}.String()
	b := e2e.Start(t, e2e.Options{Routes: routes})
	b.Await("the replies to be sent", settleTimeout, func() (string, bool) {
		m, ok := b.Metrics()
		dead := m.Sum("bridge_dead_letter_messages")
		unsent := m.Sum("bridge_unsent_events")
		return fmt.Sprint(dead, unsent), ok && dead == 5 && unsent == 0
	})
	var got []string
	for _, d := range e2e.Deliveries(t, answers) {
		got = append(got, d.CorrelationId)
		if d.ContentType != "application/json" || d.Headers["bridge-dlq-reason"] != "revision_missing" || !strings.Contains(string(d.Body), `"route":"orders"`) {
			t.Errorf("%s %v %s", d.ContentType, d.Headers, d.Body)
		}
	}
	if slices.Sort(got); !slices.Equal(got, []string{"2", "m"}) { // without a correlation id, the message id
		t.Errorf("replies to %q", got)
	}
	records := e2e.Records(t, answerTopic)
	if len(records) != 1 {
		t.Fatalf("%d replies in the topic", len(records))
	}
	if h := e2e.Headers(records[0]); h["kafka_correlationId"] != "\x00\xff" || h["bridge-dlq-reason"] != "revision_missing" {
		t.Errorf("%q", h)
	}
	stopped(t, b)
}

// TestAlarmIsTold has a webhook hear of dead letters, and again when they are gone.
func TestAlarmIsTold(t *testing.T) {
	t.Parallel()
	heard := make(chan string, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e struct {
			Data struct{ Route, Alarm, State, Says, Owner string }
		}
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			t.Error(err)
		}
		heard <- fmt.Sprintf("%s %s %s of %s, %s", e.Data.Route, e.Data.Alarm, e.Data.State, e.Data.Owner, r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusAccepted)
	}))
	defer srv.Close()
	from := rig.Queue(t)
	rig.Publish(t, from, amqp.Publishing{MessageId: "m", Headers: amqp.Table{"key": "a"}})
	b := e2e.Start(t, e2e.Options{Routes: e2e.Route{
		From: e2e.Queues(from), To: e2e.Topic(rig.Topic(t, 1)),
		Rest: fmt.Sprintf("alarms: { dead_letters: 1 }\nowner: { name: team-orders, webhook: { url: %q, bearer: hunter2 } }", srv.URL+"/?token=hunter2"),
	}.String()})
	hear := func(want string) {
		t.Helper()
		select {
		case got := <-heard:
			if got != want {
				t.Errorf("heard %q, want %q", got, want)
			}
		case <-time.After(settleTimeout):
			t.Fatalf("did not hear %q", want)
		}
	}
	hear("orders dead_letters begun of team-orders, Bearer hunter2")
	if code, _ := b.Ready(); code != http.StatusOK {
		t.Errorf("/readyz is %d: an alarm is no outage", code)
	}
	m, _ := b.Metrics()
	if m.Sum("bridge_alarm") != 1 {
		t.Errorf("bridge_alarm is %v", m.Sum("bridge_alarm"))
	}
	b.Must("dlq", "discard", b.DeadLetters("orders")[0].ID, "--reason", "a test")
	hear("orders dead_letters resolved of team-orders, Bearer hunter2")
	if log := b.Log(); strings.Contains(log, "hunter2") || !strings.Contains(log, "an alarm begins") {
		t.Errorf("the log:\n%s", log)
	}
	stopped(t, b)
}
