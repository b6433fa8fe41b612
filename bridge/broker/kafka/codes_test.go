package kafka_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// Codes that one broker cannot be brought to answer.

// some are the first of them; with BRIDGE_TEST_FULL all.
func some(n int, codes ...*kerr.Error) []*kerr.Error {
	if rig.Full() {
		return codes
	}
	return codes[:n]
}

// A11, A12: whatever passes when producing is waited for, in order, nothing is lost,
// and each answer is followed by few requests.
func TestA12_CodesOfProducing(t *testing.T) {
	t.Parallel()
	for _, code := range []*kerr.Error{
		kerr.NotEnoughReplicasAfterAppend, kerr.RequestTimedOut, kerr.LeaderNotAvailable, kerr.FencedLeaderEpoch,
		kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID, kerr.UnknownLeaderEpoch, kerr.NotLeaderForPartition,
		kerr.ThrottlingQuotaExceeded,
	} {
		t.Run(code.Message, func(t *testing.T) {
			t.Parallel()
			tp, cluster := fakeTopic(t)
			asked := count(cluster, kmsg.Produce)
			target, _ := open(t, tp)
			for i := range 10 {
				if i%3 == 1 {
					refuse(cluster, code.Code, 2)
				}
				m := &message.Message{Metadata: message.Metadata{"bridge-key": "k"}, Payload: []byte(fmt.Sprint(i))}
				// What the client gives up, the bridge tries again before it goes on.
				within(t, "it is published", func() bool { return target.Publish("", m) == nil })
			}
			for i, m := range tp.Read(t, 10) {
				if string(m.Payload) != fmt.Sprint(i) {
					t.Errorf("came %s, want %d", m.Payload, i)
				}
			}
			if n := asked(); n > 30 {
				t.Errorf("%d requests for 10 messages and 6 refusals", n)
			}
		})
	}
}

// count counts requests of a kind.
func count(c *kfake.Cluster, kind kmsg.Key) func() int {
	var mu sync.Mutex
	n := 0
	c.ControlKey(int16(kind), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		n++
		return nil, nil, false
	})
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

// A broker that says how long to stay away is obeyed.
func TestA12_ThrottlingIsObeyed(t *testing.T) {
	t.Parallel()
	tp, cluster := fakeTopic(t)
	target, _ := open(t, tp)
	if err := target.Publish("", &message.Message{Payload: []byte("first")}); err != nil {
		t.Fatal(err)
	}
	const pause = 1500 * time.Millisecond
	cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		resp := refusal(r.(*kmsg.ProduceRequest), kerr.NotEnoughReplicas.Code).(*kmsg.ProduceResponse)
		resp.ThrottleMillis = int32(pause.Milliseconds())
		return resp, nil, true
	})
	began := time.Now()
	if err := target.Publish("", &message.Message{Payload: []byte("second")}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < pause {
		t.Errorf("it was asked again after %v", took)
	}
}

// A11: whatever passes when fetching is waited for: all comes once, in order, and
// nothing spins.
func TestA11_CodesOfFetching(t *testing.T) {
	t.Parallel()
	for _, code := range some(2,
		kerr.FencedLeaderEpoch, kerr.NotLeaderForPartition, kerr.UnknownLeaderEpoch, kerr.KafkaStorageError,
		kerr.OffsetNotAvailable, kerr.ReplicaNotAvailable, kerr.RequestTimedOut,
	) {
		t.Run(code.Message, func(t *testing.T) {
			t.Parallel()
			l, c := fakeLog(t)
			l.fill(t, 1, 0, 10)
			asked := count(c, kmsg.Fetch)
			refuseFetches(c, code.Code, 5)
			in := l.read(t)
			for i, d := range in.next(10) {
				if d.offset != int64(i) {
					t.Errorf("offset %d came as number %d", d.offset, i)
				}
				d.Ack()
			}
			in.none()
			l.commits(t, map[int32]int64{0: 10})
			if n := asked(); n > 60 {
				t.Errorf("%d fetches", n)
			}
		})
	}
}

// refuseFetches answers the next n fetches with an error.
func refuseFetches(c *kfake.Cluster, code int16, n int) {
	c.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := r.(*kmsg.FetchRequest)
		if n == 0 || len(req.Topics) == 0 {
			return nil, nil, false
		}
		n--
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		for _, t := range req.Topics {
			rt := kmsg.NewFetchResponseTopic()
			rt.Topic, rt.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				rp := kmsg.NewFetchResponseTopicPartition()
				rp.Partition, rp.ErrorCode, rp.HighWatermark = p.Partition, code, -1
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil, true
	})
}

// A11: a coordinator that is away, still reads its log, or has moved is waited for,
// wherever it says so.
func TestA11_CodesOfTheCoordinator(t *testing.T) {
	t.Parallel()
	for _, code := range some(1, kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable, kerr.NotCoordinator) {
		for _, kind := range []kmsg.Key{kmsg.FindCoordinator, kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.OffsetFetch, kmsg.OffsetCommit} {
			t.Run(code.Message+" "+kind.Name(), func(t *testing.T) {
				t.Parallel()
				l, c := fakeLog(t)
				l.fill(t, 1, 0, 10)
				asked := count(c, kind)
				if kind == kmsg.OffsetCommit {
					refuseCommits(c, code.Code, 3)
				} else {
					refuseGroup(c, kind, code.Code, 3)
				}
				in := l.read(t, keeping(&positions{}))
				ds := in.next(10)
				for i, d := range ds {
					if d.offset != int64(i) {
						t.Errorf("offset %d came as number %d", d.offset, i)
					}
				}
				ackAll(ds)
				l.commits(t, map[int32]int64{0: 10})
				in.none()
				if n := asked(); n > 60 {
					t.Errorf("%d requests", n)
				}
			})
		}
	}
}

// refuseGroup answers the next n requests of a kind with an error.
func refuseGroup(c *kfake.Cluster, kind kmsg.Key, code int16, n int) {
	c.ControlKey(int16(kind), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if n == 0 {
			return nil, nil, false
		}
		n--
		resp := r.ResponseKind()
		switch resp := resp.(type) {
		case *kmsg.FindCoordinatorResponse:
			resp.ErrorCode = code
			for _, key := range r.(*kmsg.FindCoordinatorRequest).CoordinatorKeys {
				co := kmsg.NewFindCoordinatorResponseCoordinator()
				co.Key, co.ErrorCode = key, code
				resp.Coordinators = append(resp.Coordinators, co)
			}
		case *kmsg.JoinGroupResponse:
			resp.ErrorCode = code
		case *kmsg.SyncGroupResponse:
			resp.ErrorCode = code
		case *kmsg.HeartbeatResponse:
			resp.ErrorCode = code
		case *kmsg.OffsetFetchResponse:
			resp.ErrorCode = code
			for _, g := range r.(*kmsg.OffsetFetchRequest).Groups {
				rg := kmsg.NewOffsetFetchResponseGroup()
				rg.Group, rg.ErrorCode = g.Group, code
				resp.Groups = append(resp.Groups, rg)
			}
		}
		return resp, nil, true
	})
}
