package kafka_test

import (
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/brokerbridge/bridge/bridge/broker"
)

// fakeLog is a log on a cluster that can be told what to answer.
func fakeLog(t testing.TB, opts ...kfake.Opt) (*log, *kfake.Cluster) {
	t.Helper()
	c, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &log{seeds: c.ListenAddrs(), name: "t", client: client, admin: kadm.NewClient(client)}, c
}

// A source closes in time though Kafka says nothing about the partitions it is
// just given.
func TestCloseDuringAnAssignment(t *testing.T) {
	t.Parallel()
	l, c := fakeLog(t)
	l.fill(t, 1, 0, 10)
	silent := make(chan struct{})
	asked := make(chan struct{}, 100)
	c.ControlKey(int16(kmsg.ListOffsets), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		asked <- struct{}{}
		c.SleepControl(func() { <-silent })
		return nil, nil, false
	})
	in := l.read(t)
	<-asked
	began := time.Now()
	in.Close()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	close(silent)
}

// A15: what is committed by the topic's name, of a topic that is gone by then,
// says nothing of the new one. Brokers before 4.1 know no more than the name.
func TestA15_AcceptedAfterRecreationBeginsAnew(t *testing.T) {
	t.Parallel()
	l, _ := fakeLog(t, kfake.MaxVersions(kversion.V4_0_0()))
	l.fill(t, 1, 0, 100)
	store := &positions{}
	in := l.read(t, keeping(store))
	ds := in.next(100)
	ackAll(ds[:10])
	l.commits(t, map[int32]int64{0: 10})
	if _, err := l.admin.DeleteTopic(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.admin.CreateTopic(t.Context(), 1, 1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	ackAll(ds[10:60])
	in.await(broker.ErrRecreated)
	in.Close()
	l.client.PurgeTopicsFromClient("t")
	eventually(t, "the new one is written to", func() bool {
		return l.client.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Value: []byte("new")}).FirstErr() == nil
	})
	accepted := l.read(t, keeping(store), func(s setup) { s.AcceptOffset = true })
	if d := accepted.next(1)[0]; d.offset != 0 {
		t.Errorf("accepted, it goes on at %d, want 0", d.offset)
	}
}

// refuseCommits answers the next n commits with an error.
func refuseCommits(c *kfake.Cluster, code int16, n int) {
	c.ControlKey(int16(kmsg.OffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if n--; n < 0 {
			return nil, nil, false
		}
		req := r.(*kmsg.OffsetCommitRequest)
		resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
		for _, t := range req.Topics {
			rt := kmsg.NewOffsetCommitResponseTopic()
			rt.Topic, rt.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				rp := kmsg.NewOffsetCommitResponseTopicPartition()
				rp.Partition, rp.ErrorCode = p.Partition, code
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil, true
	})
}

// A commit that is refused for now is repeated, paced.
func TestRefusedCommitsAreRepeated(t *testing.T) {
	t.Parallel()
	for _, code := range []*kerr.Error{kerr.RebalanceInProgress, kerr.StaleMemberEpoch, kerr.GroupAuthorizationFailed} {
		t.Run(code.Message, func(t *testing.T) {
			l, c := fakeLog(t)
			l.fill(t, 1, 0, 10)
			in := l.read(t)
			ds := in.next(10)
			refuseCommits(c, code.Code, 3)
			ackAll(ds)
			l.commits(t, map[int32]int64{0: 10})
			in.none()
		})
	}
}

// A commit that is refused because the group went on without us ends the session:
// what it acknowledges later changes nothing, and the records come again.
func TestRefusedMemberBeginsAnew(t *testing.T) {
	t.Parallel()
	for _, code := range []*kerr.Error{kerr.UnknownMemberID, kerr.IllegalGeneration} {
		t.Run(code.Message, func(t *testing.T) {
			l, c := fakeLog(t)
			l.fill(t, 1, 0, 10)
			in := l.read(t)
			old := in.next(10)
			refuseCommits(c, code.Code, 2) // the second is the last word of the member
			old[0].Ack()
			fresh := in.next(10)
			ackAll(old)
			in.none()
			l.commits(t, map[int32]int64{0: 0})
			ackAll(fresh[:3])
			l.commits(t, map[int32]int64{0: 3})
		})
	}
}

// A15: a log that was cut and written anew below the committed offset is noticed
// by the epoch of its leader, though the offset is within it.
func TestA15_CutAndWrittenAnew(t *testing.T) {
	t.Parallel()
	l, c := fakeLog(t)
	l.fill(t, 1, 0, 100)
	store := &positions{}
	in := l.read(t, keeping(store))
	ackAll(in.next(80))
	l.commits(t, map[int32]int64{0: 80})
	in.Close()
	c.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := r.(*kmsg.OffsetForLeaderEpochRequest)
		resp := req.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
		rt := kmsg.NewOffsetForLeaderEpochResponseTopic()
		rt.Topic = "t"
		rp := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
		rp.EndOffset, rp.LeaderEpoch = 70, 0
		rt.Partitions = append(rt.Partitions, rp)
		resp.Topics = append(resp.Topics, rt)
		return resp, nil, true
	})
	again := l.read(t, keeping(store))
	again.await(broker.ErrTruncated)
	again.none()
	again.Close()
	accepted := l.read(t, keeping(store), func(s setup) { s.AcceptOffset = true })
	if d := accepted.next(1)[0]; d.offset != 70 {
		t.Errorf("accepted, it goes on at %d, want 70", d.offset)
	}
}

// Who may not join is told so, and does not spin.
func TestRefusedJoinIsTold(t *testing.T) {
	t.Parallel()
	l, c := fakeLog(t)
	var mu sync.Mutex
	tries := 0
	c.ControlKey(int16(kmsg.JoinGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		tries++
		resp := r.ResponseKind().(*kmsg.JoinGroupResponse)
		resp.ErrorCode = kerr.GroupAuthorizationFailed.Code
		return resp, nil, true
	})
	in := l.read(t)
	in.await(kerr.GroupAuthorizationFailed)
	time.Sleep(5 * time.Second)
	mu.Lock()
	defer mu.Unlock()
	if tries > 30 {
		t.Errorf("%d tries in 5 s", tries)
	}
	if n := len(in.State.All()); n != 1 {
		t.Errorf("told %d times", n)
	}
}
