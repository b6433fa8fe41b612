package kafka_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// A19: tombstones, null keys, headers that repeat or are null, empty values.
func TestA19_RecordsComeAsTheyAre(t *testing.T) {
	at := time.UnixMilli(1700000000123)
	records := []*kgo.Record{
		{Key: []byte("k"), Value: nil},
		{Key: nil, Value: []byte{}},
		{Key: []byte{}, Value: []byte("v")},
		{Key: []byte{0xff, 0}, Value: []byte{0, 0xff}, Timestamp: at},
		{Value: []byte("v"), Headers: []kgo.RecordHeader{
			{Key: "b", Value: []byte("1")}, {Key: "a", Value: nil}, {Key: "b", Value: []byte{0xfe}}, {Key: "", Value: []byte{}},
		}},
		{Value: []byte{}, Headers: []kgo.RecordHeader{{Key: broker.HeaderNullBody, Value: []byte("true")}}},
		{Value: []byte("v"), Headers: []kgo.RecordHeader{{Key: broker.HeaderNullBody, Value: []byte("true")}}},
	}
	l := newLog(t, rig.Topic(t, 1), protocol{})
	l.produce(t, records...)
	for i, d := range l.read(t).next(len(records)) {
		want := records[i]
		got, err := sidecar.RestoreRecord(d.Metadata)
		if err != nil {
			t.Fatal(err)
		}
		value := want.Value
		if i == 5 {
			value = nil
		}
		if !same(d.Payload, value) || !same(got.Key, want.Key) {
			t.Errorf("record %d came with key %v and value %v, want %v and %v", i, got.Key, d.Payload, want.Key, value)
		}
		if got.Topic != l.name || got.Offset != int64(i) || got.Timestamp.UnixMilli() != want.Timestamp.UnixMilli() {
			t.Errorf("record %d came as %+v", i, got)
		}
		if i == 4 && !slices.EqualFunc(got.Headers, want.Headers, func(a, b kgo.RecordHeader) bool {
			return a.Key == b.Key && same(a.Value, b.Value)
		}) {
			t.Errorf("the headers came as %v, want %v", got.Headers, want.Headers)
		}
	}
}

func same(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

func TestIdentityOfARecord(t *testing.T) {
	header := func(names ...string) (hs []kgo.RecordHeader) {
		for _, name := range names {
			hs = append(hs, kgo.RecordHeader{Key: name, Value: []byte("of " + name)})
		}
		return hs
	}
	l := newLog(t, rig.Topic(t, 1), protocol{})
	l.produce(t,
		&kgo.Record{},
		&kgo.Record{Headers: header(broker.HeaderWatermillID)},
		&kgo.Record{Headers: header(broker.HeaderWatermillID, broker.HeaderMessageID, broker.HeaderHops, broker.HeaderRevision)})
	for _, trust := range []config.Trust{config.TrustBridge, config.TrustNone} {
		in := l.read(t, func(s setup) { s.Trust = trust; s.Group += string(trust) })
		ds := in.next(3)
		want := []string{"", "of " + broker.HeaderWatermillID, "of " + broker.HeaderMessageID}
		if trust == config.TrustNone {
			want[2] = want[1]
		}
		for i, d := range ds {
			if d.UUID != want[i] {
				t.Errorf("trust %s: the id of record %d is %q, want %q", trust, i, d.UUID, want[i])
			}
		}
		if _, ok := ds[2].Metadata[broker.HeaderHops]; ok != (trust == config.TrustBridge) {
			t.Errorf("trust %s: the hops are believed: %v", trust, ok)
		}
		if _, ok := ds[2].Metadata[broker.HeaderRevision]; ok != (trust == config.TrustBridge) {
			t.Errorf("trust %s: the revision is believed: %v", trust, ok)
		}
	}
}

// A18: what a transaction writes comes when it is committed, and never when it is
// aborted; the offsets that it takes up are committed past, and count as nothing.
func TestA18_Transactions(t *testing.T) {
	t.Parallel()
	l := newLog(t, rig.Topic(t, 1), protocol{})
	in := l.read(t)
	in.await(nil)
	producer := rig.Client(t, kgo.TransactionalID(l.name), kgo.DefaultProduceTopic(l.name))
	transact := func(end kgo.TransactionEndTry, values ...string) {
		t.Helper()
		if err := producer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			if err := producer.ProduceSync(t.Context(), kgo.StringRecord(v)).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		in.none()
		if err := producer.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	transact(kgo.TryAbort, "aborted", "too") // and a marker: offset 2
	in.none()
	l.commits(t, map[int32]int64{0: 3})
	transact(kgo.TryCommit, "1", "2") // marker: 5
	ds := in.next(2)
	if got := fmt.Sprint(payloads(ds)); got != "[1 2]" {
		t.Errorf("came %s", got)
	}
	ds[0].Ack()
	l.commits(t, map[int32]int64{0: 4})
	l.lags(t, in, 0)
	ds[1].Ack()
	l.commits(t, map[int32]int64{0: 6})
	transact(kgo.TryAbort, "aborted")
	l.commits(t, map[int32]int64{0: 8})
	l.lags(t, in, 0)
	// An open one holds back what comes after it, and that is no lag.
	if err := producer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := producer.ProduceSync(t.Context(), kgo.StringRecord("open")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	l.produce(t, &kgo.Record{Value: []byte("behind")})
	in.none()
	l.lags(t, in, 0)
	if err := producer.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(payloads(in.next(2))); got != "[open behind]" {
		t.Errorf("came %s", got)
	}
}

func (l *log) lags(t testing.TB, in *intake, want int64) {
	t.Helper()
	eventually(t, fmt.Sprint("a lag of ", want), func() bool {
		lag, err := in.Source.Lag(context.Background())
		return err == nil && lag == want
	}, func() any { lag, err := in.Source.Lag(context.Background()); return fmt.Sprint(lag, err) })
}

// A compacted topic has holes: positions step over them.
func TestCompactedTopicHasHoles(t *testing.T) {
	t.Parallel()
	setting := func(s string) *string { return &s }
	l := newLog(t, rig.TopicWith(t, 1, map[string]*string{
		"cleanup.policy": setting("compact"), "min.cleanable.dirty.ratio": setting("0.001"),
		"segment.ms": setting("100"), "max.compaction.lag.ms": setting("100"), "delete.retention.ms": setting("0"),
	}), protocol{})
	for round := range 4 {
		for i := range 100 {
			l.produce(t, &kgo.Record{Key: fmt.Append(nil, i%7), Value: fmt.Append(nil, round)})
		}
		time.Sleep(300 * time.Millisecond)
	}
	probe := func() (offsets []int64) {
		for _, r := range rig.Read(t, l.name, 0, time.Second) {
			offsets = append(offsets, r.Offset)
		}
		return offsets
	}
	var left []int64
	for end := time.Now().Add(2 * time.Minute); ; {
		l.produce(t, &kgo.Record{Key: []byte("roll"), Value: []byte("v")}) // closes a segment
		if left = probe(); len(left) < 60 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d records are left: nothing was compacted", len(left))
		}
	}
	in := l.read(t, keeping(&positions{}), func(s setup) { s.Window = 5 })
	var came []int64
	for len(came) < len(left) {
		ds := in.next(1)
		came = append(came, ds[0].offset)
		ackAll(ds)
	}
	in.Close()
	if !slices.IsSorted(came) || came[len(came)-1] < 400 {
		t.Errorf("came %v, left were %v", came, left)
	}
	eventually(t, "nothing is left", func() bool { return l.committed(t)[0] > came[len(came)-1] })
}

// What the client hands over is a piece of a whole response: a message that waits
// must not keep all of it.
func TestI7_AMessageKeepsOnlyItself(t *testing.T) {
	l := newLog(t, rig.Topic(t, 1), protocol{})
	var records []*kgo.Record
	for range 100 {
		records = append(records, &kgo.Record{Value: make([]byte, 1000)})
	}
	l.produce(t, records...)
	for _, d := range l.read(t).next(100) {
		if cap(d.Payload) > 2000 {
			t.Fatalf("a payload of %d bytes has room for %d", len(d.Payload), cap(d.Payload))
		}
	}
}

// Partitions are read side by side, each in its order.
func TestEachPartitionInItsOrder(t *testing.T) {
	t.Parallel()
	const partitions, n = 8, 3000
	l := newLog(t, rig.Topic(t, partitions), protocol{})
	l.fill(t, partitions, 0, n)
	in := l.read(t)
	next := map[int32]int64{}
	for range partitions * n {
		d := in.next(1)[0]
		if d.offset != next[d.partition] || string(d.Payload) != fmt.Sprint(d.offset) {
			t.Fatalf("partition %d: came %d, want %d", d.partition, d.offset, next[d.partition])
		}
		next[d.partition]++
		d.Ack()
	}
	in.Close()
	want := map[int32]int64{}
	for p := range int32(partitions) {
		want[p] = n
	}
	l.commits(t, want)
}
