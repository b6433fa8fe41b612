package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
	"github.com/brokerbridge/bridge/bridge/config"
)

const (
	// settleFor is how long partitions that are taken away are kept so that what
	// is in flight can be acknowledged. It delays the others of the group.
	settleFor = 3 * time.Second
	// leaveFor bounds each of the last words of a member: the commit, the leave.
	leaveFor = 5 * time.Second
	// silence is how long nothing is heard from Kafka until State says so: three
	// heartbeats are missed by then.
	silence = 10 * time.Second
)

var errLost = errors.New("the place in the group was lost, joining again")

// member is a membership in the group: a client of its own, from joining to
// whatever ends it. The client keeps it alive by heartbeats, whether or not
// anything is taken.
type member struct {
	*Source
	admin  *kadm.Client
	client *kgo.Client
	cancel context.CancelFunc // of all that the client does

	record  decoder // of the flow
	pending parcels // of the flow
	poll    gate

	load struct{ open, bytes atomic.Int64 }

	fault   chan error      // what ends the membership
	dirty   chan struct{}   // has an element when something may be committed
	urgent  chan struct{}   // has one when that should not wait
	leaving context.Context // ends when the member leaves
	leave   context.CancelFunc
	loops   sync.WaitGroup
	commits sync.Mutex // one round of commits at a time, and none during an assignment

	mu       sync.Mutex
	sessions map[int32]*session
	joined   bool
	doubt    bool // the partitions are to be counted
	heard    time.Time
	dial     error // the last connection that failed, until one succeeds
	// Why nothing is delivered, by who says so.
	gone, held, away error
}

// join opens a client in the group.
func (s *Source) join(admin *kadm.Client) (*member, error) {
	m := &member{
		Source: s, admin: admin, sessions: map[int32]*session{}, heard: time.Now(),
		fault: make(chan error, 1), dirty: make(chan struct{}, 1), urgent: make(chan struct{}, 1),
	}
	m.leaving, m.leave = context.WithCancel(context.Background())
	m.record.TrustNone = s.from.Trust == config.TrustNone
	opts := s.b.connection("bridge-" + s.opts.Route)
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	if _, err := kgo.NewClient(append(opts, m.options(ctx)...)...); err != nil {
		cancel()
		return nil, err
	}
	s.mu.Lock()
	s.member = m
	s.mu.Unlock()
	m.loops.Go(func() { m.commitLoop(ctx) })
	return m, nil
}

// options are what a member asks of its client. The callbacks run while nothing
// is polled (BlockRebalanceOnPoll): records that were polled are noted in their
// session before it can be taken away, and that takes milliseconds. What waits
// for its turn or is in flight does not block a rebalance.
func (m *member) options(ctx context.Context) []kgo.Opt {
	fetch := int32(min(max(m.from.WindowBytes/4, 64<<10), 16<<20))
	opts := []kgo.Opt{
		kgo.WithContext(ctx),
		kgo.WithHooks(m),
		kgo.ConsumerGroup(m.group),
		kgo.ConsumeTopics(m.from.Topic),
		kgo.SessionTimeout(m.b.timing.session),
		kgo.HeartbeatInterval(m.b.timing.heartbeat),
		kgo.Balancers(kgo.CooperativeStickyBalancer(), kgo.RangeBalancer()),
		kgo.BlockRebalanceOnPoll(),
		kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(m.assigned),
		kgo.OnPartitionsRevoked(m.revoked),
		kgo.OnPartitionsLost(m.lost),
		kgo.AdjustFetchOffsetsFn(m.adjust),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // else a position would stay below the end of a transaction
		kgo.MetadataMaxAge(10 * time.Second),
		// A partition that is resumed is in the next fetch, so none may take long.
		kgo.FetchMaxWait(500 * time.Millisecond),
		kgo.FetchMaxBytes(fetch),
		kgo.FetchMaxPartitionBytes(min(fetch, 1<<20)),
		kgo.BrokerMaxReadBytes(128 << 20),
		kgo.MaxDecompressBatchBytes(256 << 20),
	}
	if m.b.timing.balancer != nil {
		opts = append(opts, kgo.Balancers(m.b.timing.balancer))
	}
	if m.from.Protocol == config.ProtocolConsumer {
		opts = append(opts, kgo.ServerSideBalancer())
	}
	if m.isStatic() {
		opts = append(opts, kgo.InstanceID(m.owner.instance))
	}
	return opts
}

// OnNewClient is the client's hook, called before it begins: the others need it.
func (m *member) OnNewClient(client *kgo.Client) { m.client = client }

// fail ends the membership, once.
func (m *member) fail(err error) {
	select {
	case m.fault <- err:
		m.poll.interrupt()
	default: // it ends already
	}
}

// rest stops fetching, and stays in the group.
func (m *member) rest() { m.client.PauseFetchTopics(m.from.Topic) }

// end commits what was acknowledged and leaves. A static member is remembered by
// Kafka until its session times out, so that a restart finds its partitions where
// they were; forGood gives the place up at once.
func (m *member) end(forGood bool) {
	m.leave()
	m.poll.interrupt()
	m.finish(m.all())
	m.drop(m.all())
	id, _ := m.client.GroupMetadata()
	ctx, cancel := context.WithTimeout(context.Background(), leaveFor)
	defer cancel()
	m.client.AllowRebalance()
	_ = m.client.LeaveGroupContext(ctx) // else the session times out
	m.cancel()
	m.loops.Wait()
	m.client.CloseAllowingRebalance()
	m.client.AllowRebalance() // Close polls what is left, which can hold up its own leaving for ever
	if m.isStatic() && (forGood || !m.opts.Ordered || m.from.Protocol == config.ProtocolConsumer) {
		m.giveUp(id)
	}
}

// isStatic reports whether a restart finds its partitions where they were: without
// that they would wait for the session of a process that was killed.
func (m *member) isStatic() bool { return m.opts.Ordered || m.opts.Owner != "" }

// assigned is told of a rebalance that is over.
func (m *member) assigned(_ context.Context, _ *kgo.Client, added map[string][]int32) {
	m.mu.Lock()
	m.doubt = m.opts.Ordered
	if len(added[m.from.Topic]) == 0 {
		m.joined, m.gone = true, nil
	}
	m.mu.Unlock()
	m.feed.Wake()
	m.tell()
}

// revoked is told that partitions are taken away, and has them until it returns.
func (m *member) revoked(_ context.Context, _ *kgo.Client, revoked map[string][]int32) {
	sessions := m.pick(revoked[m.from.Topic])
	if len(sessions) == 0 {
		return
	}
	for _, s := range sessions {
		s.leave()
	}
	m.feed.Wake()
	m.await(sessions)
	m.finish(sessions)
	m.drop(sessions)
}

// await returns when nothing of the sessions is in flight, or it takes too long.
func (m *member) await(sessions []*session) {
	deadline := time.NewTimer(settleFor)
	defer deadline.Stop()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !quiet(sessions) {
		select {
		case <-look.C:
		case <-deadline.C:
			return
		case <-m.leaving.Done():
			return
		}
	}
}

func quiet(sessions []*session) bool {
	return !slices.ContainsFunc(sessions, func(s *session) bool { return !s.quiet() })
}

// lost is told that partitions are another's already.
func (m *member) lost(context.Context, *kgo.Client, map[string][]int32) {
	sessions := m.all()
	m.drop(sessions)
	if len(sessions) > 0 {
		m.absent(errLost)
	}
}

// OnGroupManageError is the client's hook: why it is in no group. It goes on to
// try.
func (m *member) OnGroupManageError(err error) {
	switch {
	case errors.Is(err, kerr.FencedInstanceID):
		m.fail(fenced(errFenced))
	case errors.Is(err, kerr.UnreleasedInstanceID):
		m.fail(&pace.Setback{
			Err: fmt.Errorf("%w: the place of this route in group %q is taken: by its predecessor, "+
				"until that one's session times out, or by a copy of its store", broker.ErrElsewhere, m.group),
			Wait: elsewhere,
		})
	case errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.IllegalGeneration):
		// lost has said so
	default:
		m.absent(fmt.Errorf("group %q: %w", m.group, err))
	}
}

// isJoined reports whether the member has its place in the group.
func (m *member) isJoined() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.joined && m.gone == nil
}

// doubted reports whether the partitions are to be counted.
func (m *member) doubted() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.doubt
}

// absent says why the member is in no group.
func (m *member) absent(err error) {
	m.mu.Lock()
	m.gone = err
	m.mu.Unlock()
	m.tell()
}

// hold stops taking, or goes on with nil.
func (m *member) hold(err error) {
	m.mu.Lock()
	m.held, m.doubt = err, false
	m.mu.Unlock()
	m.tell()
}

// tell tells State how things are.
func (m *member) tell() {
	m.mu.Lock()
	joined := m.joined
	err := m.gone
	if err == nil {
		err = m.held
	}
	if err == nil {
		err = m.away
	}
	m.mu.Unlock()
	if joined || err != nil {
		m.Source.tell(err)
	}
}

// listen looks whether Kafka is still heard.
func (m *member) listen() {
	m.mu.Lock()
	was := m.away
	m.away = nil
	if time.Since(m.heard) > silence {
		m.away = fmt.Errorf("no answer from Kafka for %v", silence)
		if m.dial != nil {
			m.away = fmt.Errorf("%w: %w", m.away, m.dial)
		}
	}
	m.doubt = m.doubt || m.held != nil
	changed := (was == nil) != (m.away == nil)
	m.mu.Unlock()
	if changed {
		m.tell()
	}
}

// OnBrokerRead is the client's hook.
func (m *member) OnBrokerRead(_ kgo.BrokerMetadata, _ int16, _ int, _, _ time.Duration, err error) {
	if err != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.heard = time.Now()
}

// OnBrokerConnect is the client's hook: it remembers why connecting fails.
func (m *member) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dial = m.b.why(err)
}

var (
	_ kgo.HookNewClient        = (*member)(nil)
	_ kgo.HookBrokerRead       = (*member)(nil)
	_ kgo.HookBrokerConnect    = (*member)(nil)
	_ kgo.HookGroupManageError = (*member)(nil)
)
