package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
	"github.com/brokerbridge/bridge/bridge/broker/kafka/internal/resume"
	"github.com/brokerbridge/bridge/bridge/broker/kafka/internal/span"
)

// adjust is given the partitions that are assigned now, with the group's offsets,
// and returns where they go on. Nothing of them is fetched before.
func (m *member) adjust(ctx context.Context, all map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	offsets := all[m.from.Topic]
	committed := make(map[int32]span.Place, len(offsets))
	for p, o := range offsets {
		at := o.EpochOffset()
		committed[p] = span.Place{Offset: max(at.Offset, resume.None), Epoch: at.Epoch}
	}
	err := m.place(ctx, committed, offsets)
	if ctx.Err() != nil {
		return nil, ctx.Err() // the group rebalances again
	}
	if errors.Is(err, kerr.RebalanceInProgress) { // another one has begun meanwhile
		err = fmt.Errorf("%w: %w", errLost, err)
	}
	if err != nil {
		m.fail(err)
		return nil, err
	}
	m.mu.Lock()
	m.joined, m.gone, m.doubt = true, nil, m.opts.Ordered
	m.mu.Unlock()
	m.feed.Wake()
	m.tell()
	return all, nil
}

// place begins the sessions of the partitions and sets their offsets. No commit
// is made meanwhile: what the store says must be as old as what the group says.
func (m *member) place(ctx context.Context, committed map[int32]span.Place, offsets map[int32]kgo.Offset) error {
	m.commits.Lock()
	defer m.commits.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(m.leaving, cancel)() // who leaves needs the lock
	v, err := m.survey(ctx, m.admin, committed)
	if err != nil {
		return err
	}
	places, fresh, err := m.decide(v, committed)
	if err != nil {
		return err
	}
	if err := m.begin(ctx, v, places, committed, fresh); err != nil {
		return err
	}
	next, err := m.writeDown(ctx, v, places, committed)
	if err != nil {
		return err
	}
	for p := range offsets {
		at := places[p]
		offsets[p] = kgo.NewOffset().At(at.Offset).WithEpoch(at.Epoch)
		m.open(p, v.id, at, next[p])
	}
	m.accept.Store(false)
	return nil
}

// view is what is known of the topic and some of its partitions.
type view struct {
	id    kadm.TopicID
	rows  map[int32]broker.Position // of this topic id
	facts map[int32]resume.Facts
}

// fits reports whether a group that nobody is in is where the route left it.
func (s *Source) fits(ctx context.Context, admin *kadm.Client) error {
	if s.accept.Load() {
		return nil
	}
	committed, err := s.fetchOffsets(ctx, admin)
	if err != nil {
		return err
	}
	v, err := s.survey(ctx, admin, committed)
	if err != nil {
		return err
	}
	_, _, err = s.decide(v, committed)
	return err
}

// fetchOffsets asks for the group's offsets of all partitions.
func (s *Source) fetchOffsets(ctx context.Context, admin *kadm.Client) (map[int32]span.Place, error) {
	offsets, err := admin.FetchOffsetsForTopics(ctx, s.group, s.from.Topic)
	if err == nil {
		err = offsets.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("fetch the offsets of group %q: %w", s.group, err)
	}
	committed := map[int32]span.Place{}
	for p, o := range offsets[s.from.Topic] {
		committed[p] = span.Place{Offset: max(o.At, resume.None), Epoch: o.LeaderEpoch}
	}
	return committed, nil
}

// survey asks the log and the store about partitions.
func (s *Source) survey(ctx context.Context, admin *kadm.Client, committed map[int32]span.Place) (*view, error) {
	topic, err := s.look(ctx, admin)
	if err != nil {
		return nil, err
	}
	v := &view{id: topic.ID, rows: map[int32]broker.Position{}, facts: map[int32]resume.Facts{}}
	recreated, err := s.readRows(ctx, v)
	if err != nil {
		return nil, err
	}
	starts, err := bounds(admin.ListStartOffsets(ctx, s.from.Topic))
	if err != nil {
		return nil, err
	}
	ends, err := bounds(admin.ListEndOffsets(ctx, s.from.Topic))
	if err != nil {
		return nil, err
	}
	epochs := s.epochEnds(ctx, admin, committed)
	for p, at := range committed {
		f := resume.Facts{
			Group: s.group, Topic: s.from.Topic, Partition: p, Committed: at.Offset, EpochEnd: resume.None,
			Kept: s.opts.Positions != nil, Recreated: recreated,
		}
		if row, ok := v.rows[p]; ok {
			f.Row = &row
		}
		if end, ok := epochs[p]; ok {
			f.EpochEnd = end
		}
		if f.Start, err = offsetOf(starts, s.from.Topic, p); err != nil {
			return nil, err
		}
		if f.End, err = offsetOf(ends, s.from.Topic, p); err != nil {
			return nil, err
		}
		v.facts[p] = f
	}
	return v, nil
}

// readRows reads the positions of the topic, and reports whether there are only
// those of another topic of its name.
func (s *Source) readRows(ctx context.Context, v *view) (recreated bool, err error) {
	if s.opts.Positions == nil {
		return false, nil
	}
	rows, err := s.opts.Positions.Load(ctx)
	if err != nil {
		return false, fmt.Errorf("read the positions of the route: %w", err)
	}
	for _, row := range rows {
		switch {
		case row.Topic != s.from.Topic:
		case row.TopicID == v.id:
			v.rows[row.Partition] = row
		default:
			recreated = true
		}
	}
	return recreated && len(v.rows) == 0, nil
}

// epochEnds asks where the log ends that the committed offsets belong to. Who may
// not ask, or asks a Kafka that does not know, goes without.
func (s *Source) epochEnds(ctx context.Context, admin *kadm.Client, committed map[int32]span.Place) map[int32]int64 {
	var question kadm.OffsetForLeaderEpochRequest
	for p, at := range committed {
		if at.Offset != resume.None && at.Epoch >= 0 {
			question.Add(s.from.Topic, p, at.Epoch)
		}
	}
	if len(question) == 0 {
		return nil
	}
	answers, err := admin.OffsetForLeaderEpoch(ctx, question)
	if err != nil {
		return nil
	}
	ends := map[int32]int64{}
	for p, a := range answers[s.from.Topic] {
		if a.Err == nil && a.EndOffset >= 0 {
			ends[p] = a.EndOffset
		}
	}
	return ends
}

// decide returns where the partitions go on, and those where nobody knows it.
func (s *Source) decide(v *view, committed map[int32]span.Place) (places map[int32]span.Place, fresh []int32, err error) {
	places = map[int32]span.Place{}
	for p, f := range v.facts {
		at, fault := resume.Decide(f)
		if fault != nil && !s.accept.Load() {
			return nil, nil, pace.Later(fault)
		}
		if fault != nil {
			at = resume.Accept(f)
			s.log.Warn("the offset is taken as it is", "partition", p, "offset", at, "fault", fault)
		}
		switch at {
		case resume.None:
			fresh = append(fresh, p)
		case committed[p].Offset:
			places[p] = committed[p]
		default:
			places[p] = span.Place{Offset: at, Epoch: -1}
		}
	}
	return places, fresh, nil
}

// bounds returns the error of a list of offsets.
func bounds(l kadm.ListedOffsets, err error) (kadm.ListedOffsets, error) {
	if err != nil {
		return nil, fmt.Errorf("list offsets: %w", err)
	}
	return l, nil
}

func offsetOf(l kadm.ListedOffsets, topic string, partition int32) (int64, error) {
	o, ok := l.Lookup(topic, partition)
	if !ok {
		return 0, fmt.Errorf("list offsets of topic %q: partition %d is missing", topic, partition)
	}
	if o.Err != nil {
		return 0, fmt.Errorf("list offsets of topic %q partition %d: %w", topic, partition, o.Err)
	}
	return o.Offset, nil
}
