package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

func load(t *testing.T, path string) *File {
	t.Helper()
	f, err := Load(path, corpusEnv)
	if err != nil {
		t.Fatal(report(err))
	}
	return f
}

func route(t *testing.T, f *File, name string) Route {
	t.Helper()
	r, ok := f.Route(name)
	if !ok {
		t.Fatalf("no route %q", name)
	}
	return r
}

// The example of the contract, with nothing left for its readers to fill in.
func TestContract(t *testing.T) {
	f := load(t, "testdata/good/contract.yaml")
	r := route(t, f, "orders")
	want := Route{
		Name: "orders", Path: "routes[0]",
		From: []From{{
			Broker: "shop", Path: "routes[0].from", Queue: "orders", Window: 2000, WindowBytes: 64 << 20,
			Declare: Declare{On: true, Type: "quorum"}, Trust: TrustBridge,
		}},
		To: To{
			Broker: "lake", Path: "routes[0].to", Topic: Dynamic{Fixed: "orders"},
			Key: []Field{{Header, "key"}}, Declare: Declare{On: true, Partitions: 6}, Headers: HeadersTyped,
		},
		Shared: Shared{
			Order: Order{
				By: ByRevision, Key: []Field{{Header, "key"}}, Revision: Field{Header, "revision"}, First: 1,
				AdoptAfter: 2 * time.Second, Gap: Gap{100 * time.Millisecond, time.Minute, Quarantine},
				Same: Field{Kind: Body}, MaxJump: 10_000, MaxAhead: 64,
			},
			Retry:   Retry{Attempts: 10, Initial: 200 * time.Millisecond, Max: 30 * time.Second, Multiplier: 2, Jitter: 0.5, Timeout: 10 * time.Second},
			Breaker: Breaker{Ratio: 0.5, Min: 20, Window: 10 * time.Second, OpenFor: 15 * time.Second},
			DeadLetter: DeadLetter{Then: Quarantine, To: &To{
				Broker: "lake", Path: "routes[0].dead_letter.to", Topic: Dynamic{Fixed: "orders.dlq"}, Headers: HeadersTyped,
			}},
			Alarms: Alarms{
				DeadLetters: 1000, DeadLetterAge: 24 * time.Hour, ParkedAge: 24 * time.Hour,
				OpenSkips: 1, QuarantinedKeys: 100, UnsentEvents: 100_000,
			},
		},
	}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
	shop, _ := f.Broker("shop")
	if shop.Kind() != KindAMQP || shop.AMQP.URL.Reveal() != "amqp://guest:guest@127.0.0.1:5672/" || shop.AMQP.Heartbeat != 10*time.Second {
		t.Errorf("shop: %+v", shop.AMQP)
	}
	if f.Store.Pebble.Dir != "./bridge-data" || f.Store.MinFree != 512<<20 || f.Admin.Listen != "127.0.0.1:8321" {
		t.Errorf("store %+v, admin %+v", f.Store, f.Admin)
	}
}

// What the contract spells out is what a file without it has.
func TestDefaultsAreThoseOfTheContract(t *testing.T) {
	full := route(t, load(t, "testdata/good/contract.yaml"), "orders")
	short := route(t, load(t, "../../configs/minimal.yaml"), "orders")
	full.DeadLetter.To, full.From[0].Declare, full.To.Declare = nil, Declare{}, Declare{}
	if !reflect.DeepEqual(full, short) {
		t.Errorf("full  %+v\nshort %+v", full, short)
	}
}

func TestRoutesInherit(t *testing.T) {
	f := load(t, "testdata/good/defaults.yaml")
	in, over, off := route(t, f, "inherits"), route(t, f, "overrides"), route(t, f, "off")

	if !in.Order.Adopt || in.Order.AdoptAfter != 5*time.Second || in.Order.Gap.Timeout != 5*time.Minute {
		t.Errorf("inherits: order %+v", in.Order)
	}
	if in.Retry.Attempts != 3 || in.Retry.Max != 30*time.Second || !in.Breaker.Off || in.Owner.Name != "team-a" ||
		in.DeadLetter.StopAfter != (Share{25, 100}) || in.DeadLetter.To.Name() != "dead" {
		t.Errorf("inherits: %+v", in.Shared)
	}
	if len(over.Order.Key) != 2 || over.Order.Gap.Then != Skip || over.Order.Gap.Timeout != 5*time.Minute {
		t.Errorf("overrides: order %+v", over.Order)
	}
	if over.Retry.Max != time.Minute || over.Retry.Attempts != 3 || over.Breaker.Off || over.Breaker.Ratio != 1 || over.Breaker.Min != 20 {
		t.Errorf("overrides: %+v %+v", over.Retry, over.Breaker)
	}
	if over.DeadLetter.To != nil || !over.DeadLetter.StopAfter.IsZero() || over.DeadLetter.Then != Stop {
		t.Errorf("overrides: dead letter %+v", over.DeadLetter)
	}
	without := Order{By: ByNone, Same: Field{Kind: Body}, Duplicates: Duplicates{Window: 24 * time.Hour}}
	if !reflect.DeepEqual(off.Order, without) || !off.Retry.Off || off.Retry.Attempts != 1 || off.Owner != (Owner{}) || off.To.Key != nil {
		t.Errorf("off: %+v", off)
	}
	if in.DeadLetter.Then != Quarantine || off.DeadLetter.Then != Continue {
		t.Errorf("then: %q ordered, %q not", in.DeadLetter.Then, off.DeadLetter.Then)
	}
}

func TestEverySettingIsRead(t *testing.T) {
	f := load(t, "testdata/good/every-setting.yaml")
	in, out, back := route(t, f, "in"), route(t, f, "out"), route(t, f, "back")

	kafka, _ := f.Broker("kafka")
	if got := kafka.Kafka.Brokers; !reflect.DeepEqual(got, []string{"a.example:9092", "b.example:9092", "c.example:9092"}) {
		t.Errorf("brokers %q", got)
	}
	if plain, _ := f.Broker("plain"); kafka.Kafka.TLS == nil || plain.Kafka.TLS != nil {
		t.Error("tls: true is no TLS, or tls: false is")
	}
	if f.Brokers[0].Name != "rabbit" || f.Brokers[6].Name != "here" {
		t.Error("brokers lost their order")
	}
	wantKey := []Field{{Kind: MessageKey}, {Property, "message-id"}, {JSON, "order.id"}}
	if !reflect.DeepEqual(in.Order.Key, wantKey) || in.Order.First != 0 || in.Order.ForgetAfter != 720*time.Hour {
		t.Errorf("order %+v", in.Order)
	}
	wantWhen := []Match{{Field{Header, "type"}, []string{"A", "B"}}, {Field{Property, "app-id"}, []string{"shop"}}, {Field{JSON, `a.b\.c`}, []string{"x"}}}
	if !reflect.DeepEqual(in.When, wantWhen) {
		t.Errorf("when %+v", in.When)
	}
	if in.From[0].WindowBytes != 1e9 || in.From[1].WindowBytes != 4096 || in.From[0].Declare.Type != "classic" || in.From[1].Declare.On {
		t.Errorf("from %+v", in.From)
	}
	if in.To.Topic != (Dynamic{Field: Field{Header, "topic"}}) || in.To.Key[1] != (Field{Header, "a.b"}) || !in.DeadLetter.To.RoutingKey.Source {
		t.Errorf("to %+v, mirror %+v", in.To, in.DeadLetter.To)
	}
	if out.From[0].Group != "mine" || out.From[0].Protocol != ProtocolConsumer || !out.From[0].Start.Time.Equal(time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)) || out.To.Declare.Type != "topic" {
		t.Errorf("out %+v", out)
	}
	if back.From[0].Group != "bridge-back" || back.From[0].Protocol != ProtocolClassic || !back.From[0].Start.Latest || !reflect.DeepEqual(back.To.Key, []Field{{Kind: MessageKey}}) {
		t.Errorf("back %+v", back)
	}
	if !f.Admin.Off || f.Admin.Listen != "" || f.Store.Memory == nil || f.Store.Pebble != nil || f.Store.MinFree != 0 {
		t.Errorf("admin %+v, store %+v", f.Admin, f.Store)
	}
}

func TestValuesFromOutside(t *testing.T) {
	f := load(t, "testdata/good/from-environment.yaml")
	shop, _ := f.Broker("shop")
	lake, _ := f.Broker("lake")
	r := route(t, f, "orders")
	if got := shop.AMQP.URL.Reveal(); got != "amqp://guest:"+secretWord+"@localhost/" {
		t.Errorf("url %q", got)
	}
	sasl := lake.Kafka.SASL
	if sasl.Password.Reveal() != secretWord || sasl.Username != "$me$" || sasl.Mechanism != Plain || len(lake.Kafka.Brokers) != 2 {
		t.Errorf("lake %+v, sasl %+v", lake.Kafka, sasl)
	}
	if f.Store.Pebble.Dir != "/var/lib/bridge" || f.Store.MinFree != 1<<30 || shop.AMQP.Heartbeat != 15*time.Second {
		t.Errorf("store %+v", f.Store)
	}
	if r.From[0].Window != 10 || !r.From[0].Declare.On || !r.Breaker.Off || r.Retry.Jitter != 0.25 {
		t.Errorf("route %+v", r)
	}
}

func TestPos(t *testing.T) {
	f := load(t, "../../configs/minimal.yaml")
	from := f.Routes[0].From[0].Path
	line, col := f.Pos(from + ".queue")
	if line != 9 || col != 34 {
		t.Errorf("queue at %d:%d", line, col)
	}
	if l, c := f.Pos(from + ".declare.type"); l != 9 || c != 11 {
		t.Errorf("what is not there is at %d:%d, not at what is around it", l, c)
	}
	if l, c := f.Pos("nothing"); l != 0 || c != 0 {
		t.Errorf("nothing is at %d:%d", l, c)
	}
	fault := f.Fault(from+".queue", `no queue "orders"`, "declare: true creates it")
	want := `../../configs/minimal.yaml:9:34: routes[0].from.queue: no queue "orders" (declare: true creates it)`
	if fault.Error() != want {
		t.Errorf("got %s", fault)
	}
}

// examples are the topologies in configs.
func examples(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("../../configs/*.yaml")
	if err != nil || len(paths) < 6 {
		t.Fatalf("%d examples, %v", len(paths), err)
	}
	return paths
}

func TestExamplesLoadWithoutEnvironment(t *testing.T) {
	for _, path := range examples(t) {
		f, err := Load(path, nil)
		if err != nil {
			t.Fatal(report(err))
		}
		if later := Unavailable(f); len(later) > 0 {
			t.Errorf("%s", later.Report())
		}
	}
}

func TestLoadWithoutFile(t *testing.T) {
	_, err := Load("testdata/nothing.yaml", nil)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err = Load("testdata", os.LookupEnv); err == nil {
		t.Error("a folder loads")
	}
}
