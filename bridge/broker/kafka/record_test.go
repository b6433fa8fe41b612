package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/policies"
)

// readRecords returns the n records of a topic with one partition.
func (tp *topic) readRecords(t testing.TB, n int) []*kgo.Record {
	t.Helper()
	client := tp.client(t, kgo.ConsumeTopics(tp.name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out []*kgo.Record
	for len(out) < n {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("read %d of %d: %v", len(out), n, err)
		}
		out = append(out, fetches.Records()...)
	}
	return out
}

func publishAll(t testing.TB, target broker.Target, msgs ...*message.Message) {
	t.Helper()
	if err := errors.Join(target.PublishBatch(msgs)...); err != nil {
		t.Fatal(err)
	}
}

// I9: a record that came from Kafka is written as it was, but for what the
// bridge adds.
func TestI9_RecordsAreWrittenAsTheyWere(t *testing.T) {
	tp, _ := fakeTopic(t)
	target, _ := open(t, tp)
	at := time.UnixMilli(1700000000123)
	hs := []kgo.RecordHeader{{Key: "b", Value: []byte("1")}, {Key: "a"}, {Key: "b", Value: []byte("\xff")}, {Key: "c", Value: []byte{}}}
	var e sidecar.RecordEncoder
	md := e.Encode(&kgo.Record{Topic: "elsewhere", Key: []byte("\xfe"), Timestamp: at, Headers: hs})
	delete(md, "no such header")
	md["bridge-amqp"] = "{}"
	plain := message.Metadata{"bridge-key": "", "bridge-undecodable": "headers", "h": "v"}
	publishAll(t, target, &message.Message{Metadata: md}, &message.Message{Metadata: plain, Payload: []byte{}})

	rs := tp.readRecords(t, 2)
	want := append(hs, kgo.RecordHeader{Key: "bridge-amqp", Value: []byte("{}")})
	if r := rs[0]; string(r.Key) != "\xfe" || r.Value != nil || !r.Timestamp.Equal(at) || !sameHeaders(r.Headers, want) {
		t.Errorf("key %q, value %v, %v, headers %q", r.Key, r.Value, r.Timestamp, r.Headers)
	}
	want = []kgo.RecordHeader{{Key: "bridge-key", Value: []byte{}}, {Key: "h", Value: []byte("v")}}
	if r := rs[1]; r.Key == nil || len(r.Key) > 0 || r.Value == nil || len(r.Value) > 0 || !sameHeaders(r.Headers, want) {
		t.Errorf("key %v, value %v, headers %q", r.Key, r.Value, r.Headers)
	}
}

func sameHeaders(a, b []kgo.RecordHeader) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Key != b[i].Key || string(a[i].Value) != string(b[i].Value) || (a[i].Value == nil) != (b[i].Value == nil) {
			return false
		}
	}
	return true
}

// A sidecar that was forged costs nothing but itself.
func TestForgedSidecarIsPassedOver(t *testing.T) {
	tp, _ := fakeTopic(t)
	target, _ := open(t, tp)
	publishAll(t, target, &message.Message{Metadata: message.Metadata{"bridge-kafka": `{"values":`, "h": "v"}})
	if r := tp.readRecords(t, 1)[0]; !sameHeaders(r.Headers, []kgo.RecordHeader{{Key: "h", Value: []byte("v")}}) {
		t.Errorf("headers are %q", r.Headers)
	}
}

func TestTimeOfARecord(t *testing.T) {
	tp, _ := fakeTopic(t)
	target, _ := open(t, tp)
	now := time.Now()
	for _, c := range []struct {
		sidecar string
		kept    bool
	}{
		{`{"timestamp":0}`, true},
		{fmt.Sprintf(`{"timestamp":%d}`, now.Add(30*time.Minute).UnixMilli()), true},
		{fmt.Sprintf(`{"timestamp":%d}`, now.Add(2*time.Hour).UnixMilli()), false},
		{`{"timestamp":-1}`, false},
		{`{"timestamp":9223372036854775807}`, false},
		{`{}`, false},
	} {
		md := message.Metadata{"bridge-kafka": c.sidecar}
		original, err := sidecar.RestoreRecord(md)
		if err != nil {
			t.Fatal(err)
		}
		publishAll(t, target, &message.Message{Metadata: md})
		rs := tp.readRecords(t, 1)
		got := rs[len(rs)-1].Timestamp
		if c.kept != got.Equal(original.Timestamp) || !c.kept && got.Sub(now).Abs() > time.Minute {
			t.Errorf("%s: the time is %v", c.sidecar, got)
		}
		tp, _ = fakeTopic(t)
		target, _ = open(t, tp)
	}
}

// to.key: what the route reads of a message, null and refusals included.
func TestKeyOfARecord(t *testing.T) {
	tp, _ := fakeTopic(t)
	refused := policies.Because(policies.Permanent, "unroutable", errors.New("no key"))
	target := tp.Target(t, tp.To(), broker.TargetOptions{Key: func(m *message.Message) (string, bool, error) {
		switch key := m.Metadata["k"]; key {
		case "null":
			return "", false, nil
		case "refused":
			return "", false, refused
		default:
			return key, true, nil
		}
	}})
	t.Cleanup(func() { _ = target.Close() })
	var batch []*message.Message
	for _, key := range []string{"a", "null", "refused", ""} {
		batch = append(batch, &message.Message{Metadata: message.Metadata{
			"k": key, "bridge-key": "order", "bridge-kafka": `{"key":"original"}`,
		}})
	}
	if errs := target.PublishBatch(batch); errs[0] != nil || errs[1] != nil || errs[3] != nil || !errors.Is(errs[2], refused) || !isUnroutable(errs[2]) {
		t.Errorf("%v", errs)
	}
	rs := tp.readRecords(t, 3)
	if string(rs[0].Key) != "a" || rs[1].Key != nil || rs[2].Key == nil || len(rs[2].Key) != 0 {
		t.Errorf("keys are %v %v %v", rs[0].Key, rs[1].Key, rs[2].Key)
	}

	// Without: the key of the order, else that of the record, else null.
	other, _ := open(t, tp)
	publishAll(t, other, batch[0], &message.Message{Metadata: message.Metadata{"bridge-kafka": `{"key":"original"}`}},
		&message.Message{Metadata: message.Metadata{"bridge-kafka": `{"topic":"t"}`}})
	if rs = tp.readRecords(t, 6); string(rs[3].Key) != "order" || string(rs[4].Key) != "original" || rs[5].Key != nil {
		t.Errorf("keys are %q %q %q", rs[3].Key, rs[4].Key, rs[5].Key)
	}
}

// Kafka refuses a batch for one of its records, here one without a key on a
// compacted topic. Only that one fails, and the others are there once.
func TestRefusedRecordFailsAlone(t *testing.T) {
	compact := "compact"
	tp := &topic{seeds: rig.Kafka(t), name: rig.TopicWith(t, 1, map[string]*string{"cleanup.policy": &compact})}
	target, told := open(t, tp)
	var batch []*message.Message
	for i := range 20 {
		m := &message.Message{Metadata: message.Metadata{"bridge-key": fmt.Sprint(i)}, Payload: []byte(fmt.Sprint(i))}
		if i == 10 {
			delete(m.Metadata, "bridge-key")
		}
		batch = append(batch, m)
	}
	for i, err := range target.PublishBatch(batch) {
		bad := policies.ClassOf(err) == policies.Permanent && errors.Is(err, kerr.InvalidRecord)
		if i == 10 != bad || i != 10 && err != nil {
			t.Errorf("message %d: %v (%v)", i, err, policies.ClassOf(err))
		}
	}
	publishAll(t, target, &message.Message{Metadata: message.Metadata{"bridge-key": "last"}, Payload: []byte("last")})
	if got := bodies(tp.Read(t, 20)); got != "0 1 2 3 4 5 6 7 8 9 11 12 13 14 15 16 17 18 19 last" {
		t.Errorf("the topic has %s", got)
	}
	if err := <-told; err != nil || len(told) > 0 {
		t.Errorf("one poison looked like an outage: %v", err)
	}
}

// A topic that refuses the original time gets the time of now.
func TestRefusedTimeIsReplaced(t *testing.T) {
	hour := "3600000"
	tp := &topic{seeds: rig.Kafka(t), name: rig.TopicWith(t, 1, map[string]*string{"message.timestamp.before.max.ms": &hour})}
	target, _ := open(t, tp)
	old := fmt.Sprintf(`{"timestamp":%d}`, time.Now().Add(-24*time.Hour).UnixMilli())
	recent := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
	began := time.Now().Add(-time.Second)
	publishAll(t, target,
		&message.Message{Metadata: message.Metadata{"bridge-kafka": fmt.Sprintf(`{"timestamp":%d}`, recent.UnixMilli())}},
		&message.Message{Metadata: message.Metadata{"bridge-kafka": old}})
	rs := tp.readRecords(t, 2)
	if !rs[0].Timestamp.Equal(recent) || rs[1].Timestamp.Before(began) {
		t.Errorf("the times are %v and %v", rs[0].Timestamp, rs[1].Timestamp)
	}
	if len(rs[0].Headers) > 0 || len(rs[1].Headers) != 1 || rs[1].Headers[0].Key != "bridge-source-timestamp" {
		t.Errorf("headers are %q and %q", rs[0].Headers, rs[1].Headers)
	}
}

// What is redriven has the time of now: a topic would soon delete what is old.
func TestLateRecordHasTheTimeOfNow(t *testing.T) {
	tp, _ := fakeTopic(t)
	target := tp.Target(t, tp.To(), broker.TargetOptions{Late: func(m *message.Message) bool { return m.UUID == "late" }})
	t.Cleanup(func() { _ = target.Close() })
	md := message.Metadata{"bridge-kafka": `{"timestamp":1700000000120}`, "a": "1", "c": "2"}
	began := time.Now().Add(-time.Second)
	publishAll(t, target, &message.Message{UUID: "late", Metadata: md}, &message.Message{Metadata: md}, &message.Message{UUID: "late"})
	rs := tp.readRecords(t, 3)
	if rs[0].Timestamp.Before(began) || rs[1].Timestamp.UnixMilli() != 1700000000120 || rs[2].Timestamp.Before(began) {
		t.Errorf("the times are %v, %v and %v", rs[0].Timestamp, rs[1].Timestamp, rs[2].Timestamp)
	}
	want := `[{"a" "1"} {"bridge-source-timestamp" "2023-11-14T22:13:20.120Z"} {"c" "2"}]`
	if got := fmt.Sprintf("%q", rs[0].Headers); got != want || len(rs[2].Headers) > 0 {
		t.Errorf("headers are %s, want %s", got, want)
	}
}

// Rule 9: what follows a refused message of its key in a batch is not published,
// and nothing is held against it.
func TestMessageBehindARefusedOneIsInterrupted(t *testing.T) {
	tp, cluster := fakeTopic(t)
	refuse(cluster, kerr.InvalidRecord.Code, 2) // the batch, then the first alone
	target, _ := open(t, tp)
	errs := target.PublishBatch([]*message.Message{
		{Metadata: message.Metadata{"bridge-key": "k"}, Payload: []byte("1")},
		{Metadata: message.Metadata{"bridge-key": "k"}, Payload: []byte("2")},
		{Metadata: message.Metadata{"bridge-key": "l"}, Payload: []byte("3")},
	})
	if policies.ClassOf(errs[0]) != policies.Permanent || policies.ClassOf(errs[1]) != policies.Interrupted || errs[2] != nil {
		t.Errorf("%v", errs)
	}
	if got := bodies(tp.Read(t, 1)); got != "3" {
		t.Errorf("the topic has %s", got)
	}
}

// headers: text adds Watermill's own id, where its stock client reads it.
func TestTextHeadersHaveWatermillsID(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	tp := &topic{seeds: cluster.ListenAddrs(), name: "t"}
	to := tp.To()
	to.Headers = config.HeadersText
	target := tp.Target(t, to, broker.TargetOptions{})
	t.Cleanup(func() { _ = target.Close() })
	const id = broker.HeaderWatermillID
	publishAll(t, target,
		&message.Message{UUID: "u1", Metadata: message.Metadata{"a": "1", "z": "2"}},
		&message.Message{UUID: "u2", Metadata: message.Metadata{"a": "1", id: "its own", "z": "2"}},
		&message.Message{Metadata: message.Metadata{"a": "1"}})
	for i, want := range []string{`[{"_watermill_message_uuid" "u1"} {"a" "1"} {"z" "2"}]`, `[{"_watermill_message_uuid" "its own"} {"a" "1"} {"z" "2"}]`, `[{"a" "1"}]`} {
		if got := fmt.Sprintf("%q", tp.readRecords(t, 3)[i].Headers); got != want {
			t.Errorf("message %d has %s, want %s", i, got, want)
		}
	}
}

// Records that are sent alone are so though several calls send some at once, and
// Kafka is slow: in a batch they would be refused for each other.
func TestRefusedRecordsFailAlone_SideBySide(t *testing.T) {
	tp, c := fakeTopic(t)
	const limit = 1500
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		time.Sleep(2 * time.Millisecond)
		c.KeepControl()
		size := 0
		req := r.(*kmsg.ProduceRequest)
		for _, topic := range req.Topics {
			for _, p := range topic.Partitions {
				size = max(size, len(p.Records))
			}
		}
		if size <= limit {
			return nil, nil, false
		}
		return refusal(req, kerr.MessageTooLarge.Code), nil, true
	})
	target, _ := open(t, tp)
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			var batch []*message.Message
			for i := range 12 {
				m := &message.Message{Metadata: message.Metadata{"bridge-key": fmt.Sprint(worker, "-", i)}, Payload: make([]byte, 500)}
				if i%6 == 0 {
					m.Payload = make([]byte, 2000)
				}
				batch = append(batch, m)
			}
			for i, err := range target.PublishBatch(batch) {
				if bad := errors.Is(err, kerr.MessageTooLarge); bad != (i%6 == 0) || err != nil && !bad {
					t.Errorf("a message of %d bytes: %v", len(batch[i].Payload), err)
				}
			}
		})
	}
	wg.Wait()
}
