package kafka_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/policies"
)

// chunked is a message of a chunk: "chunk/place" and so many bytes.
func chunked(chunk string, at, size int) *message.Message {
	return &message.Message{
		Metadata: message.Metadata{broker.HeaderKey: chunk, "chunk": chunk, "at": strconv.Itoa(at)},
		Payload:  fmt.Appendf(nil, "%s/%d %*s", chunk, at, size, ""),
	}
}

func chunkOf(m *message.Message) (any, int) {
	at, _ := strconv.Atoi(m.Metadata["at"])
	if m.Metadata["chunk"] == "" {
		return nil, 0
	}
	return m.Metadata["chunk"], at
}

// Rule 9: of a chunk the log gets a beginning, never a message without the one
// before it, whatever becomes of batches.
func TestI2_ChunksAreTakenFromTheirBeginning(t *testing.T) {
	t.Parallel()
	real := &topic{seeds: rig.Kafka(t), name: rig.Name(t)}
	real.Create(t)
	fake, c := fakeTopic(t)
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(1, 2))
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		switch rng.IntN(8) {
		case 0:
			return refusal(r.(*kmsg.ProduceRequest), kerr.PolicyViolation.Code), nil, true
		case 1:
			return refusal(r.(*kmsg.ProduceRequest), kerr.InvalidRecord.Code), nil, true
		case 2:
			return refusal(r.(*kmsg.ProduceRequest), kerr.NotEnoughReplicas.Code), nil, true
		}
		return nil, nil, false
	})
	for name, tp := range map[string]*topic{"Kafka": real, "one that refuses batches": fake} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := tp.Target(t, tp.To(), broker.TargetOptions{Route: "route", Chunk: chunkOf})
			defer func() { _ = target.Close() }()
			if _, ok := target.(broker.Chunker); !ok {
				t.Fatal("it says that it takes no chunks")
			}
			sent := sendChunks(t, target, 4, 60)
			checkChunks(t, tp, sent)
		})
	}
}

// sendChunks sends chunks of up to twelve messages, some so large that a batch
// has no room for all, from several goroutines, and returns how long a beginning
// of each was confirmed.
func sendChunks(t *testing.T, target broker.Target, workers, rounds int) map[string]int {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	confirmed := map[string]int{}
	whole, apart, failed := 0, 0, 0
	for w := range workers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 7))
			for round := range rounds {
				var msgs []*message.Message
				for k := range 1 + rng.IntN(5) {
					name := fmt.Sprintf("%d-%d-%d", w, round, k)
					for at := range 1 + rng.IntN(12) {
						msgs = append(msgs, chunked(name, at, rng.IntN(2000)*rng.IntN(2000)/20))
					}
				}
				errs := target.PublishBatch(msgs)
				mu.Lock()
				for i, m := range msgs {
					name, at := m.Metadata["chunk"], i
					for at > 0 && msgs[at-1].Metadata["chunk"] == name {
						at--
					}
					at = i - at
					switch {
					case errs[i] == nil && confirmed[name] == at:
						confirmed[name]++
						whole++
					case errs[i] == nil:
						t.Errorf("message %d of %s was confirmed after %d: %v", at, name, confirmed[name], errs[i-at:i+1])
					case policies.ClassOf(errs[i]) == policies.Interrupted:
						apart++
					default:
						failed++
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("%d confirmed, %d not sent for the one before them, %d refused", whole, apart, failed)
	return confirmed
}

// checkChunks reads the topic: of each chunk it has what was confirmed, in order.
func checkChunks(t *testing.T, tp *topic, confirmed map[string]int) {
	t.Helper()
	got, total := map[string][]string{}, 0
	for _, n := range confirmed {
		total += n
	}
	if n := tp.size(t); n != int64(total) {
		t.Errorf("the log has %d messages, confirmed were %d", n, total)
	}
	for _, r := range tp.readRecords(t, total) {
		name, rest, _ := strings.Cut(string(r.Value), "/")
		at, _, _ := strings.Cut(rest, " ")
		got[name] = append(got[name], at)
	}
	for name, n := range confirmed {
		var want []string
		for at := range n {
			want = append(want, strconv.Itoa(at))
		}
		if !slices.Equal(got[name], want) {
			t.Errorf("of %s the log has %v, confirmed were %d", name, got[name], n)
		}
		delete(got, name)
	}
	for name, has := range got {
		t.Errorf("of %s the log has %v, and nothing was confirmed", name, has)
	}
}

// A message whose predecessor in the chunk is not before it in the call is not
// sent.
func TestI2_ChunkThatIsTornIsNotSent(t *testing.T) {
	t.Parallel()
	tp, _ := fakeTopic(t)
	target := tp.Target(t, tp.To(), broker.TargetOptions{Route: "route", Chunk: chunkOf})
	defer func() { _ = target.Close() }()
	errs := target.PublishBatch([]*message.Message{
		chunked("a", 1, 1), chunked("b", 0, 1), chunked("a", 2, 1), chunked("b", 1, 1), chunked("c", 0, 1), chunked("c", 2, 1),
	})
	for i, sent := range []bool{false, true, false, false, true, false} {
		if (errs[i] == nil) != sent || !sent && policies.ClassOf(errs[i]) != policies.Interrupted {
			t.Errorf("message %d: %v", i, errs[i])
		}
	}
	checkChunks(t, tp, map[string]int{"b": 1, "c": 1})
}

// The batch of another call that was begun in between is not the head's.
func TestI2_ChunksAreNotTornByOtherCalls(t *testing.T) {
	t.Parallel()
	tp, c := fakeTopic(t)
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(1, 2))
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		return refusal(r.(*kmsg.ProduceRequest), kerr.PolicyViolation.Code), nil, rng.IntN(2) == 0
	})
	target := tp.Target(t, tp.To(), broker.TargetOptions{Route: "route", Chunk: chunkOf})
	defer func() { _ = target.Close() }()
	var calls sync.WaitGroup
	for w := range 4 {
		calls.Go(func() {
			for round := range 1500 {
				var msgs []*message.Message
				for at := range 60 {
					msgs = append(msgs, chunked(fmt.Sprintf("%d-%d-%d", w, round, at/30), at%30, 10))
				}
				errs := target.PublishBatch(msgs)
				for i, m := range msgs {
					if m.Metadata["at"] != "0" && errs[i] == nil && errs[i-1] != nil {
						t.Errorf("%s/%s was confirmed, the one before it was not: %v", m.Metadata["chunk"], m.Metadata["at"], errs[i-1])
					}
				}
			}
		})
	}
	calls.Wait()
}

// A chunk whose messages name two topics ends with the first one, of which the
// client may still have to hear.
func TestI2_ChunkOverTwoTopics(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "known", "a", "b", "c", "d"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	tp := &topic{seeds: c.ListenAddrs()}
	target := tp.Target(t, config.To{Broker: "test", Topic: byHeader}, broker.TargetOptions{Route: "route", Chunk: chunkOf})
	defer func() { _ = target.Close() }()
	to := func(topic string, m *message.Message) *message.Message {
		m.Metadata["topic"] = topic
		return m
	}
	publishAll(t, target, to("known", chunked("x", 0, 1)))
	for _, name := range []string{"a", "b", "c", "d"} {
		errs := target.PublishBatch([]*message.Message{to(name, chunked(name, 0, 1)), to("known", chunked(name, 1, 1))})
		if errs[0] != nil || policies.ClassOf(errs[1]) != policies.Interrupted {
			t.Errorf("to %s and on: %v", name, errs)
		}
	}
}
