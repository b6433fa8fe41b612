package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
	"github.com/brokerbridge/bridge/bridge/config"
)

// elsewhere is how long another owner is given to go.
const elsewhere = 2 * time.Second

// errFenced: another process has our name in the group.
var errFenced = errors.New("another process with the same store is in the group (a copy of the store, or a predecessor that still runs)")

// owner is how the source of an ordered route is called in its group: a name
// that only its own store has, so that a restart is told from somebody else.
type owner struct {
	route    string // the names of all stores' bridges with this route begin so
	store    string // those of this store
	instance string // of this source
}

func newOwner(opts broker.SourceOptions, topic string) owner {
	route := "bridge-" + legal(opts.Route) + "-"
	store := route + legal(opts.Owner) + "-"
	return owner{route, store, store + strconv.FormatUint(xxhash.Sum64String(topic), 36)}
}

// legal makes a text fit for a part of a name in Kafka, which are short and of
// few characters.
func legal(s string) string {
	const most = 80
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	}
	if len(s) > most || strings.ContainsFunc(s, odd) {
		return "x" + strconv.FormatUint(xxhash.Sum64String(s), 36)
	}
	return s
}

// mate is another member of the group.
type mate struct{ instance, client, host string }

func (m mate) String() string {
	name := fmt.Sprintf("client %q at %s", m.client, strings.TrimPrefix(m.host, "/"))
	if m.instance != "" {
		name += fmt.Sprintf(" (instance %q)", m.instance)
	}
	return name
}

// claim makes sure, for an ordered route, that nobody else reads the topic in
// this group, and that the group is where the route has left it. As long as that
// is not so, the source is no member: who does not join disturbs nobody, and an
// operator can set the offsets of a group that nobody is in.
func (s *Source) claim(ctx context.Context, admin *kadm.Client) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	mates, err := s.mates(ctx, admin)
	if err != nil {
		return err
	}
	ours := false
	for _, m := range mates {
		if !strings.HasPrefix(m.instance, s.owner.store) {
			return s.elsewhere(m)
		}
		ours = ours || m.instance == s.owner.instance
	}
	if s.fenced = s.fenced && ours; s.fenced {
		return fenced(errFenced)
	}
	return s.fits(ctx, admin)
}

func (s *Source) elsewhere(other mate) error {
	return &pace.Setback{Err: fmt.Errorf("%w: group %q has %s beside this route, which must be the only one to keep the order",
		broker.ErrElsewhere, s.group, other), Wait: elsewhere}
}

func fenced(err error) error {
	return &pace.Setback{Err: fmt.Errorf("%w: %w", broker.ErrElsewhere, err), Wait: elsewhere}
}

// leaves reports whether the source gives up its place in the group for good
// because of an error: else the place is kept until the session times out, and a
// restart takes it over without a rebalance.
func leaves(err error) bool {
	if errors.Is(err, errFenced) {
		return false // the place is another's by now
	}
	for _, reason := range []error{broker.ErrElsewhere, broker.ErrRewound, broker.ErrTruncated, broker.ErrRecreated} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}

// mates are the members of the group, of whichever protocol it is now.
func (s *Source) mates(ctx context.Context, admin *kadm.Client) ([]mate, error) {
	groups, err := admin.DescribeGroups(ctx, s.group)
	if err == nil {
		err = groups[s.group].Err
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, fmt.Errorf("describe group %q: %w", s.group, err)
	}
	var mates []mate
	for _, m := range groups[s.group].Members {
		mates = append(mates, mate{deref(m.InstanceID), m.ClientID, m.ClientHost})
	}
	if len(mates) > 0 {
		return mates, nil
	}
	return s.matesByConsumer(ctx, admin)
}

// matesByConsumer asks for a group of the protocol "consumer" (KIP-848). A Kafka
// that does not know it has no such groups.
func (s *Source) matesByConsumer(ctx context.Context, admin *kadm.Client) ([]mate, error) {
	groups, err := admin.DescribeConsumerGroups(ctx, s.group)
	if err == nil {
		err = groups[s.group].Err
	}
	if err != nil {
		if errors.Is(err, kerr.GroupIDNotFound) || s.from.Protocol != config.ProtocolConsumer {
			return nil, nil
		}
		return nil, fmt.Errorf("describe group %q: %w", s.group, err)
	}
	var mates []mate
	for _, m := range groups[s.group].Members {
		mates = append(mates, mate{deref(m.InstanceID), m.ClientID, m.ClientHost})
	}
	return mates, nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// guard looks, after a rebalance of an ordered route, whether all partitions are
// still ours. Where another bridge has some, this one gives way, and the two
// begin anew: they joined at the same moment, or they had seen each other. What
// else is in the group is waited for, with the partitions that are left kept, so
// that it cannot have them too.
func (m *member) guard(ctx context.Context) error {
	if !m.opts.Ordered || !m.doubted() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	topic, err := m.look(ctx, m.admin)
	if err != nil {
		return nil // nothing is taken until the answer comes
	}
	if m.holds() >= len(topic.Partitions) {
		m.hold(nil)
		return nil
	}
	mates, err := m.mates(ctx, m.admin)
	if err != nil {
		return nil // likewise
	}
	for _, other := range mates {
		switch {
		case strings.HasPrefix(other.instance, m.owner.store):
		case strings.HasPrefix(other.instance, m.owner.route):
			return m.elsewhere(other)
		default:
			m.hold(m.elsewhere(other))
			return nil
		}
	}
	m.hold(nil) // on their way to us
	return nil
}

// giveUp takes a static member out of the group at once.
func (m *member) giveUp(id string) {
	ctx, cancel := context.WithTimeout(context.Background(), leaveFor)
	defer cancel()
	if m.from.Protocol == config.ProtocolConsumer {
		req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		req.Group, req.MemberID, req.MemberEpoch = m.group, id, -1
		req.InstanceID = &m.owner.instance
		_, _ = req.RequestWith(ctx, m.side)
		return
	}
	// By the id too: the name may be another's by now.
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = m.group
	leaver := kmsg.NewLeaveGroupRequestMember()
	leaver.MemberID, leaver.InstanceID = id, &m.owner.instance
	req.Members = append(req.Members, leaver)
	_, _ = req.RequestWith(ctx, m.side)
}
