package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/ordering/failpoint"
)

const (
	// What was acknowledged in this time is read again after a crash.
	commitEvery = 200 * time.Millisecond
	// commitFor bounds one round: the client retries by itself.
	commitFor = 15 * time.Second
)

// commitLoop commits what changed, soon.
func (m *member) commitLoop(ctx context.Context) {
	again := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(commitEvery),
		backoff.WithMaxInterval(5*time.Second),
		backoff.WithMaxElapsedTime(0))
	pause := commitEvery
	for {
		select {
		case <-m.dirty:
		case <-ctx.Done():
			return
		}
		if !m.gather(ctx, pause) {
			return
		}
		err := m.commit(ctx, m.all())
		if err == nil {
			again.Reset()
			pause = commitEvery
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if pause = again.NextBackOff(); pause > time.Second {
			m.log.Warn("offsets could not be committed", "error", err)
		}
		signal(m.dirty)
	}
}

// gather waits so that one commit is for many acknowledgements.
func (m *member) gather(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-m.urgent:
	case <-ctx.Done():
		return false
	}
	return true
}

// finish commits what was acknowledged in sessions that end.
func (m *member) finish(sessions []*session) {
	ctx, cancel := context.WithTimeout(context.Background(), leaveFor)
	defer cancel()
	for range 2 { // the second writes down that the first was confirmed
		if err := m.commit(ctx, sessions); err != nil {
			m.log.Info("the last offsets were not committed: what was acknowledged since is read again", "error", err)
			return
		}
	}
}

// commit writes positions down, then commits their offsets.
func (m *member) commit(ctx context.Context, sessions []*session) error {
	m.commits.Lock()
	defer m.commits.Unlock()
	ctx, cancel := context.WithTimeout(ctx, commitFor)
	defer cancel()
	var marks []mark
	var positions []broker.Position
	offsets := map[int32]kgo.EpochOffset{}
	for _, s := range sessions {
		if k, ok := s.mark(); ok {
			marks = append(marks, k)
			positions = append(positions, k.position)
			if k.commit {
				offsets[s.partition] = kgo.EpochOffset{Epoch: k.low.Epoch, Offset: k.low.Offset}
			}
		}
	}
	if len(marks) == 0 {
		return nil
	}
	refused, err := m.put(ctx, positions, offsets)
	if err != nil {
		return err
	}
	for _, k := range marks {
		k.saved()
	}
	return m.confirm(marks, refused)
}

// confirm notes what Kafka has answered.
func (m *member) confirm(marks []mark, refused map[int32]error) error {
	var err error
	for _, k := range marks {
		if !k.commit {
			continue
		}
		if e := refused[k.partition]; e != nil {
			err = fmt.Errorf("commit offset %d of partition %d: %w", k.low.Offset, k.partition, e)
			continue
		}
		k.confirmed(k, m.opts.Positions != nil)
		if m.opts.Positions != nil {
			signal(m.dirty)
		}
		m.uncap(k.session)
	}
	if expelled(err) {
		// Somebody else may have the partitions by now, and commit for them.
		m.fail(errLost)
	}
	if errors.Is(err, kerr.FencedInstanceID) {
		m.fail(fenced(errFenced))
	}
	return err
}

func expelled(err error) bool {
	return errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.IllegalGeneration)
}

// put makes positions durable, and then commits offsets.
func (m *member) put(ctx context.Context, positions []broker.Position, offsets map[int32]kgo.EpochOffset) (refused map[int32]error, err error) {
	if m.opts.Positions != nil && len(positions) > 0 {
		failpoint.Hit(failpoint.BeforePosition)
		if err := m.opts.Positions.Save(ctx, positions...); err != nil {
			return nil, fmt.Errorf("write positions down: %w", err)
		}
	}
	if len(offsets) == 0 {
		return nil, nil
	}
	failpoint.Hit(failpoint.BeforeOffset)
	refused, err = m.send(ctx, offsets)
	failpoint.Hit(failpoint.AfterOffset)
	return refused, err
}

// send commits offsets, and returns the partitions for which Kafka refused it.
func (m *member) send(ctx context.Context, offsets map[int32]kgo.EpochOffset) (refused map[int32]error, err error) {
	m.client.CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{m.from.Topic: offsets},
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, failed error) {
			if failed != nil {
				err = fmt.Errorf("commit offsets: %w", failed)
				return
			}
			refused = map[int32]error{}
			for _, t := range resp.Topics {
				for _, p := range t.Partitions {
					if e := kerr.ErrorForCode(p.ErrorCode); e != nil {
						refused[p.Partition] = e
					}
				}
			}
		})
	return refused, err
}
