package amqp_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/survey"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// managed is the configuration of a RabbitMQ whose management interface is on.
func managed(t *testing.T) config.AMQP {
	t.Helper()
	rig.Management(t)
	return config.AMQP{URL: config.NewSecret(rig.AMQP(t))}
}

func look(t *testing.T, cfg config.AMQP, plan survey.Plan) *survey.AMQP {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s := amqp.New("test", cfg, nil).Survey(ctx, plan)
	if s.Trouble != nil {
		t.Fatal(s.Trouble)
	}
	return s.AMQP
}

// What is there is told as it is: by RabbitMQ itself, and by its management
// interface.
func TestSurveyTells(t *testing.T) {
	t.Parallel()
	cfg := managed(t)
	queue := rig.QueueWith(t, amqp091.Table{"x-queue-type": "quorum", "x-delivery-limit": 3, "x-dead-letter-exchange": "grave"})
	policy := map[string]any{"pattern": "^" + queue + "$", "apply-to": "queues", "definition": map[string]any{"delivery-limit": 2, "max-length": 9}}
	rig.Manage(t, "PUT", "policies/%2f/"+queue, policy)
	t.Cleanup(func() { rig.Manage(t, "DELETE", "policies/%2f/"+queue, nil) })
	ch := rig.Channel(t)
	exchange := rig.Name(t)
	if err := ch.ExchangeDeclare(exchange, "topic", false, false, false, false, amqp091.Table{"alternate-exchange": "rest"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rig.Channel(t).ExchangeDelete(exchange, false, false) })
	if err := ch.QueueBind(queue, "a.*", exchange, false, nil); err != nil {
		t.Fatal(err)
	}
	rig.Publish(t, queue, amqp091.Publishing{Body: []byte("x")}, amqp091.Publishing{Body: []byte("y")})
	if _, err := ch.Consume(queue, "reader", false, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	plan := survey.Plan{Queues: []string{queue, "nowhere"}, Exchanges: []string{exchange, "nowhere"}}
	var found *survey.AMQP
	eventually(t, "the queue has told its policy and its reader", func() bool { // every five seconds
		found = look(t, cfg, plan)
		d := found.Queues[queue].Details
		return len(d.Policy) > 0 && len(d.Readers) > 0 && d.Readers[0].Connection != ""
	})
	if found.Product != "RabbitMQ" || found.Version == "" || found.VHost != "/" || found.Management.Err != nil || len(found.Management.Hidden) > 0 {
		t.Errorf("it says of itself: %+v", found)
	}
	if r := found.Rights; r == nil || r.Read != ".*" || r.Write != ".*" || r.Configure != ".*" {
		t.Errorf("the rights are %+v", r)
	}
	if !found.Queues["nowhere"].Missing || !found.Exchanges["nowhere"].Missing {
		t.Error("what is not there was found")
	}
	q := found.Queues[queue]
	if q.Missing || q.Err != nil || q.Consumers != 1 {
		t.Errorf("the queue is %+v", q)
	}
	d := q.Details
	want := map[string]any{"x-queue-type": "quorum", "x-delivery-limit": int64(3), "x-dead-letter-exchange": "grave"}
	if d.Type != "quorum" || !d.Durable || d.AutoDelete || d.Exclusive || !maps.Equal(d.Arguments, want) {
		t.Errorf("its details are %+v", d)
	}
	if !maps.Equal(d.Policy, map[string]any{"delivery-limit": int64(2), "max-length": int64(9)}) || d.PolicyName != queue {
		t.Errorf("its policy %q is %v", d.PolicyName, d.Policy)
	}
	if len(d.Readers) != 1 || d.Readers[0].Tag != "reader" || d.Readers[0].Exclusive || !strings.Contains(d.Readers[0].Connection, "127.0.0.1") {
		t.Errorf("it is read by %+v", d.Readers)
	}
	x := found.Exchanges[exchange].Details
	if x == nil || x.Type != "topic" || x.Durable || x.Alternate != "rest" || !slices.Equal(x.Bindings, []survey.Binding{{Key: "a.*", To: queue}}) {
		t.Errorf("the exchange is %+v", x)
	}
}

// A look takes nothing, and makes nothing.
func TestSurveyChangesNothing(t *testing.T) {
	t.Parallel()
	cfg := managed(t)
	queue, missing := rig.Queue(t), rig.Name(t)
	rig.Publish(t, queue, amqp091.Publishing{Body: []byte("x")})
	plan := survey.Plan{Queues: []string{queue, missing}, Exchanges: []string{missing}}
	for range 2 {
		found := look(t, cfg, plan)
		if !found.Queues[missing].Missing || !found.Exchanges[missing].Missing {
			t.Fatal("the look has made what was missing")
		}
		if q := found.Queues[queue]; q.Messages != 1 || q.Consumers != 0 {
			t.Fatalf("the queue has %d messages and %d consumers", q.Messages, q.Consumers)
		}
	}
	if d := rig.Take(t, queue, 1, 10*time.Second); d[0].Redelivered {
		t.Error("the message was handed out before")
	}
}

// A queue that is another connection's alone is denied. What had no time to answer is
// neither denied nor missing.
func TestSurveyTellsRefusalFromSilence(t *testing.T) {
	t.Parallel()
	queue := rig.Name(t)
	if _, err := rig.Channel(t).QueueDeclare(queue, false, true, true, false, nil); err != nil {
		t.Fatal(err)
	}
	cfg := config.AMQP{URL: config.NewSecret(rig.AMQP(t))}
	if q := look(t, cfg, survey.Plan{Queues: []string{queue}}).Queues[queue]; !q.Denied || q.Err == nil {
		t.Errorf("the exclusive queue is %+v", q)
	}
	var plan survey.Plan
	for i := range 20_000 {
		plan.Queues = append(plan.Queues, fmt.Sprintf("%s.%d", queue, i))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if s := amqp.New("test", cfg, nil).Survey(ctx, plan); s.Trouble == nil || s.Trouble.Kind != survey.Silent {
		t.Errorf("got %v", s.Trouble)
	}
}

// Who may not ask the management interface is told which questions are left open.
func TestSurveyWithoutRights(t *testing.T) {
	t.Parallel()
	managed(t)
	queue, user := rig.Queue(t), user(rig.Name(t))
	login := map[string]any{"password": "secret", "tags": ""}
	rig.Manage(t, "PUT", "users/"+string(user), login)
	t.Cleanup(func() { rig.Manage(t, "DELETE", "users/"+string(user), nil) })
	rig.Manage(t, "PUT", "permissions/%2f/"+string(user), map[string]any{"configure": ".*", "write": "^$", "read": ".*"})
	cfg := config.AMQP{URL: config.NewSecret(user.url(t))}
	plan := survey.Plan{Queues: []string{queue}}
	found := look(t, cfg, plan)
	if err := found.Management.Err; err == nil || !strings.Contains(err.Error(), "may not use it") || found.Queues[queue].Details != nil {
		t.Errorf("without a tag: %v, %+v", err, found.Queues[queue])
	}
	login["tags"] = "management"
	rig.Manage(t, "PUT", "users/"+string(user), login)
	found = look(t, cfg, plan)
	if found.Management.Err != nil || len(found.Management.Hidden) != 2 || found.Rights != nil || found.Queues[queue].Details == nil {
		t.Errorf("with the tag management: %+v, %+v", found.Management, found.Rights)
	}
	// Another user may ask for him.
	cfg.Management = config.NewSecret(rig.Management(t))
	if found = look(t, cfg, plan); found.Rights == nil || found.Rights.Write != "^$" || found.User != string(user) {
		t.Errorf("asked by an administrator: %+v of %q, %+v", found.Rights, found.User, found.Management)
	}
}
