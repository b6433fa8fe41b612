package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
	"github.com/brokerbridge/bridge/bridge/broker/survey"
)

// topics looks for topics, and asks for their settings. It asks for one at a time:
// where one is denied, the client tells nothing of the others.
func (l *looker) topics(ctx context.Context, names []string) {
	for _, name := range names {
		if l.Topics[name] != nil {
			continue
		}
		t := l.topic(ctx, name)
		if ctx.Err() != nil {
			return // it had no time to answer
		}
		l.Topics[name] = t
	}
}

// groups looks at groups, likewise.
func (l *looker) groups(ctx context.Context, groups []survey.Group) {
	for _, g := range groups {
		if l.Groups[g] != nil {
			continue
		}
		m := l.group(ctx, g)
		if ctx.Err() != nil {
			return
		}
		l.Groups[g] = m
	}
}

func (l *looker) topic(ctx context.Context, name string) *survey.Topic {
	found, err := l.admin.ListTopics(kadm.WithAuthorizedOps(ctx), name)
	if err == nil {
		err = found[name].Err
	}
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return &survey.Topic{Missing: true}
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return &survey.Topic{Denied: true}
	case err != nil:
		return &survey.Topic{Err: err}
	}
	t := described(found[name])
	configs, err := l.admin.DescribeTopicConfigs(ctx, name)
	if err == nil && len(configs) == 1 {
		err = configs[0].Err
	}
	if t.SettingsErr = err; err == nil && len(configs) == 1 {
		t.Settings = values(configs[0])
	}
	return t
}

func described(d kadm.TopicDetail) *survey.Topic {
	t := &survey.Topic{Rights: rights(d.AuthorizedOperations)}
	t.Partitions = len(d.Partitions)
	first := true
	for _, p := range d.Partitions {
		if p.Leader < 0 {
			t.Leaderless++
		}
		if first || len(p.Replicas) < t.Replicas {
			t.Replicas = len(p.Replicas)
		}
		if first || len(p.ISR) < t.InSync {
			t.InSync = len(p.ISR)
		}
		first = false
	}
	return t
}

// rights are the operations that Kafka says are allowed; nil where it does not say,
// as one without an authorizer may.
func rights(ops []kadm.ACLOperation) (names []string) {
	for _, op := range ops {
		names = append(names, strings.ToUpper(op.String()))
	}
	return names
}

// group looks at a group, of whichever protocol it is, and at how far it is in its
// topic.
func (l *looker) group(ctx context.Context, g survey.Group) *survey.Members {
	m := &survey.Members{}
	l.members(ctx, g.Name, m)
	if m.Err != nil || m.Denied {
		return m
	}
	if t := l.Topics[g.Topic]; t == nil || t.Missing || t.Denied || t.Err != nil {
		return m
	}
	m.Offsets, m.OffsetsErr = l.offsets(ctx, g)
	return m
}

func (l *looker) members(ctx context.Context, name string, m *survey.Members) {
	g, err := l.describe(ctx, name)
	switch {
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		m.Denied = true
		return
	case errors.Is(err, kerr.GroupIDNotFound):
	case err != nil:
		m.Err = fmt.Errorf("describe group %q: %w", name, err)
		return
	}
	m.State, m.Rights = g.State, rights(g.AuthorizedOperations)
	for _, one := range g.Members {
		m.Members = append(m.Members, survey.Member{Instance: deref(one.InstanceID), Client: one.ClientID, Host: one.ClientHost})
	}
	if len(m.Members) > 0 || g.State != "" && g.State != "Dead" {
		return
	}
	// A group of the protocol "consumer" looks dead to those that ask for classic
	// ones. A Kafka that does not know the protocol has none.
	newer, err := l.admin.DescribeConsumerGroups(ctx, name)
	if c := newer[name]; err == nil && c.Err == nil {
		m.State, m.Rights = c.State, rights(c.AuthorizedOperations)
		for _, one := range c.Members {
			m.Members = append(m.Members, survey.Member{Instance: deref(one.InstanceID), Client: one.ClientID, Host: one.ClientHost})
		}
	}
}

// How long a coordinator that is on its way is waited for, and how often it is
// asked.
const (
	coordinatorWait  = 3 * time.Second
	coordinatorPause = 250 * time.Millisecond
)

// describe waits for the group's coordinator: the first question about a group in a
// new cluster has Kafka make the topic in which it keeps offsets.
func (l *looker) describe(ctx context.Context, name string) (kadm.DescribedGroup, error) {
	ctx, cancel := context.WithTimeout(ctx, coordinatorWait)
	defer cancel()
	for {
		groups, err := l.admin.DescribeGroups(ctx, name)
		if err == nil {
			err = groups[name].Err
		}
		if !coming(err) || !pace.Sleep(ctx, coordinatorPause) {
			return groups[name], err
		}
	}
}

// coming reports whether an error is that of a coordinator on its way.
func coming(err error) bool {
	return errors.Is(err, kerr.CoordinatorNotAvailable) || errors.Is(err, kerr.CoordinatorLoadInProgress) || errors.Is(err, kerr.NotCoordinator)
}

// offsets are those that the group has committed, beside what the topic has.
func (l *looker) offsets(ctx context.Context, g survey.Group) ([]survey.Offset, error) {
	committed, err := l.admin.FetchOffsetsForTopics(ctx, g.Name, g.Topic)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("fetch the offsets of group %q: %w", g.Name, err)
	}
	starts, err := bounds(l.admin.ListStartOffsets(ctx, g.Topic))
	if err != nil {
		return nil, err
	}
	ends, err := bounds(l.admin.ListEndOffsets(ctx, g.Topic))
	if err != nil {
		return nil, err
	}
	var all []survey.Offset
	for partition, o := range committed[g.Topic] {
		if o.At < 0 {
			continue // it has none
		}
		start, _ := starts.Lookup(g.Topic, partition)
		end, there := ends.Lookup(g.Topic, partition)
		if !there {
			return nil, fmt.Errorf("the topic has no partition %d, for which the group has an offset", partition)
		}
		all = append(all, survey.Offset{Partition: partition, At: o.At, Start: start.Offset, End: end.Offset})
	}
	slices.SortFunc(all, func(a, b survey.Offset) int { return int(a.Partition - b.Partition) })
	return all, nil
}
