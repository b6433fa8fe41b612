package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// finding is what doctor -o json says of one.
type finding struct {
	Code, Severity, Broker, Route, Path, Found, Why, Do string
	Line, Column                                        int
}

func examine(t *testing.T, b *e2e.Bridge) (codes []string, all []finding, code int) {
	t.Helper()
	out, code := b.Command("doctor", "-o", "json", "--timeout", "20s")
	var report struct{ Findings []finding }
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, f := range report.Findings {
		if f.Found == "" || f.Why == "" || f.Line == 0 && f.Broker != "" {
			t.Errorf("it says too little: %+v", f)
		}
		if place := f.Severity + " " + f.Code; f.Broker != "" && !slices.Contains(codes, place) {
			codes = append(codes, place)
		}
	}
	return codes, report.Findings, code
}

// named is a text in which what differs from run to run has a name.
func named(text string, names map[string]string) string {
	for name, stands := range names {
		text = strings.ReplaceAll(text, name, stands)
	}
	for _, change := range []struct{ pattern, with string }{
		{`\S+/topology\.yaml(:\d+)?`, "topology.yaml$1"},
		{`(topology\.yaml:\d+):\d+`, "$1:COLUMN"}, // it depends on the length of names
		{`RabbitMQ [\d.]+, cluster "[^"]+"`, `RabbitMQ VERSION, cluster "CLUSTER"`},
		{`of \d+ MiB \(the default max_message_size of RabbitMQ [\d.]+\)`, "of SIZE (the default max_message_size of RabbitMQ VERSION)"},
		{`max\.message\.bytes=\d+`, "max.message.bytes=SIZE"},
		{`"delivery-limit":(1000000|-1)`, `"delivery-limit":UNLIMITED`},
		{`--apply-to (quorum_)?queues`, "--apply-to QUEUES"},
		{`Kafka [\d.]+, by what it speaks, cluster "[^"]+"`, `Kafka VERSION, by what it speaks, cluster "CLUSTER"`},
		{`(?m)^store\n(?s:.*?)^\n`, "\n"}, // it depends on the machine
		{`: (\d+ errors?), (\d+ warnings?), \d+ notes?`, ": $1, $2"},
	} {
		text = regexp.MustCompile(change.pattern).ReplaceAllString(text, change.with)
	}
	return text
}

// What is wrong between real brokers is said to people as it is written here.
func TestDoctorSaysWhatWillGoWrong(t *testing.T) {
	t.Parallel()
	rig.Management(t)
	queue := rig.QueueWith(t, amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": 5, "x-message-ttl": 60000, "x-single-active-consumer": true})
	exchange := rig.Name(t)
	if err := rig.Channel(t).ExchangeDeclare(exchange, "topic", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rig.Channel(t).ExchangeDelete(exchange, false, false) })
	if err := rig.Channel(t).QueueBind(queue, "orders.*", exchange, false, nil); err != nil {
		t.Fatal(err)
	}
	ms, insync := "3600000", "2"
	topic := rig.TopicWith(t, 3, map[string]*string{"retention.ms": &ms, "min.insync.replicas": &insync})
	missing := rig.Name(t)
	routes := `
  - name: in
    from: { broker: shop, queue: ` + queue + ` }
    to: { broker: lake, topic: ` + topic + `, key: header.other }
    order: { by: revision, key: header.key, revision: header.revision, first: 1 }
    dead_letter: { to: { broker: lake, topic: ` + missing + ` } }
  - name: out
    from: { broker: lake, topic: ` + topic + `, group: ` + missing + ` }
    to: { broker: shop, exchange: ` + exchange + `, routing_key: payments.made }
    order: { by: arrival, key: header.key }
`
	b := e2e.Prepare(t, e2e.Options{Routes: routes})
	out, code := b.Command("doctor")
	if code != 1 {
		t.Errorf("it ended with %d", code)
	}
	out = named(out, map[string]string{queue: "QUEUE", exchange: "EXCHANGE", topic: "TOPIC", missing: "MISSING"})
	const golden = "testdata/doctor.txt"
	if os.Getenv("UPDATE_DOCTOR") != "" {
		if err := os.WriteFile(golden, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out != string(want) {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
}

// Beside a bridge that runs, doctor sees that it does, and disturbs nothing.
func TestDoctorBesideABridge(t *testing.T) {
	t.Parallel()
	rig.Management(t)
	queue, topic, back := rig.QueueWith(t, amqp.Table{"x-queue-type": "quorum"}), rig.Topic(t, 1), rig.Queue(t)
	routes := `
  - name: in
    from: { broker: shop, queue: ` + queue + ` }
    to: { broker: lake, topic: ` + topic + ` }
    order: { by: revision, key: header.key, revision: header.revision, first: 1 }
  - name: out
    from: { broker: lake, topic: ` + topic + `, group: ` + topic + ` }
    to: { broker: shop, queue: ` + back + ` }
    order: { by: revision, key: header.key, revision: header.revision, first: 1 }
`
	b := e2e.Prepare(t, e2e.Options{Routes: routes})
	want := []string{"note broker-version", "note kafka-replication", "note size-limit"}
	codes, all, code := examine(t, b)
	if slices.Sort(codes); code != 0 || !slices.Equal(codes, want) {
		t.Errorf("before: %d, %q\n%+v", code, codes, all)
	}
	b.Run(nil)
	b.AwaitAlive()
	send := func(rev string) {
		rig.Publish(t, queue, amqp.Publishing{Headers: amqp.Table{"key": "k", "revision": rev}, Body: []byte(rev)})
	}
	send("1")
	rig.Take(t, back, 1, 30*time.Second)
	want = append([]string{"note amqp-other-consumers"}, append(want[:1:1], "note kafka-group-in-use", "note kafka-replication", "note size-limit")...)
	b.Await("doctor to know the bridge", 30*time.Second, func() (string, bool) {
		codes, all, code = examine(t, b)
		slices.Sort(codes)
		return fmt.Sprintf("%d, %q", code, codes), code == 0 && slices.Equal(codes, want)
	})
	if !slices.ContainsFunc(all, func(f finding) bool { return f.Code == "store-in-use" && f.Severity == "note" }) {
		t.Errorf("that a bridge runs is not said: %+v", all)
	}
	send("2")
	if d := rig.Take(t, back, 1, 30*time.Second); string(d[0].Body) != "2" {
		t.Errorf("%q came after the look", d[0].Body)
	}
	stopped(t, b)
}

// Others that read are named.
func TestDoctorNamesOtherReaders(t *testing.T) {
	t.Parallel()
	rig.Management(t)
	queue, topic := rig.Queue(t), rig.Topic(t, 1)
	if _, err := rig.Channel(t).Consume(queue, "billing", false, true, false, false, nil); err != nil {
		t.Fatal(err)
	}
	rig.Produce(t, topic, &kgo.Record{Value: []byte("x")})
	reader := rig.Client(t, kgo.ConsumerGroup(topic), kgo.ConsumeTopics(topic), kgo.ClientID("billing"), kgo.DisableAutoCommit())
	reader.PollFetches(t.Context())
	// And an offset where the topic has nothing.
	var offsets kadm.Offsets
	offsets.AddOffset(topic, 0, 99, -1)
	group := rig.Name(t)
	if err := kadm.NewClient(rig.Client(t)).CommitAllOffsets(t.Context(), group, offsets); err != nil {
		t.Fatal(err)
	}
	b := e2e.Prepare(t, e2e.Options{Routes: `
  - name: in
    from: { broker: shop, queue: ` + queue + ` }
    to: { broker: lake, topic: ` + rig.Topic(t, 1) + ` }
    order: { by: revision, key: header.key, revision: header.revision, first: 1 }
  - name: out
    from: [{ broker: lake, topic: ` + topic + `, group: ` + topic + ` }, { broker: lake, topic: ` + topic + `, group: ` + group + ` }]
    to: { broker: shop, queue: ` + rig.Queue(t) + ` }
    order: { by: revision, key: header.key, revision: header.revision, first: 1 }
`})
	says := func(all []finding, want string) bool {
		return slices.ContainsFunc(all, func(f finding) bool {
			return strings.HasPrefix(f.Severity+" "+f.Code+" "+f.Route+": "+f.Found, want)
		})
	}
	consumer := `error amqp-other-consumers in: consumed by "billing"`
	var all []finding
	var code int
	e2e.Await(t, "RabbitMQ's management interface to know the consumer", 30*time.Second, func() (string, bool) {
		_, all, code = examine(t, b)
		return fmt.Sprintf("%+v", all), says(all, consumer)
	})
	for _, want := range []string{
		`error kafka-group-in-use out: group "` + topic + `" has client "billing" at `,
		`error kafka-offsets out: group "` + group + `" goes on where the topic has nothing: partition 0: 99, outside of 0 to 1`,
	} {
		if !says(all, want) {
			t.Errorf("it does not say %s\n%+v", want, all)
		}
	}
	if code != 1 {
		t.Errorf("it ended with %d", code)
	}
}

// A user without the rights is told so, with the command that grants them.
func TestDoctorTellsMissingRights(t *testing.T) {
	t.Parallel()
	user, queue := rig.Name(t), rig.Queue(t)
	rig.Manage(t, http.MethodPut, "users/"+user, map[string]any{"password": "secret", "tags": "administrator"})
	t.Cleanup(func() { rig.Manage(t, http.MethodDelete, "users/"+user, nil) })
	rig.Manage(t, http.MethodPut, "permissions/%2f/"+user, map[string]any{"configure": "^$", "write": "^$", "read": "^$"})
	b := e2e.Prepare(t, e2e.Options{AMQP: strings.Replace(rig.AMQP(t), "guest:guest", user+":secret", 1), Routes: `
  - name: in
    from: { broker: shop, queue: ` + queue + ` }
    to: { broker: lake, topic: ` + rig.Topic(t, 1) + ` }
    order: { by: revision, key: header.key, revision: header.revision, first: 1 }
`})
	_, all, code := examine(t, b)
	if code != 1 || !slices.ContainsFunc(all, func(f finding) bool {
		return f.Code == "amqp-permission" && strings.Contains(f.Found, "may not read") && strings.HasPrefix(f.Do, "rabbitmqctl set_permissions "+user)
	}) {
		t.Errorf("it ended with %d: %+v", code, all)
	}
}
