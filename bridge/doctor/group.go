package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/broker/survey"
	"github.com/brokerbridge/bridge/bridge/config"
)

func hasPolicy(t *survey.Topic, policy string) bool {
	return slices.Contains(strings.Split(t.Settings["cleanup.policy"], ","), policy)
}

// group judges the consumer group of a source.
func (e *examination) group(u use, k *survey.Kafka, g *survey.Members) {
	if u.from.Protocol == config.ProtocolClassic && u.broker.Client == config.ClientBridge {
		e.session(u, k)
	}
	who, _ := identity(u.broker)
	switch {
	case g == nil:
		return
	case g.Denied, len(g.Rights) > 0 && !slices.Contains(g.Rights, "READ") && !slices.Contains(g.Rights, "ALL"):
		e.add(u.at("group"), Error, "kafka-permission", fmt.Sprintf("%s may not READ group %q", who, u.from.Group),
			allowing(u.broker, "READ --group "+quoted(u.from.Group)))
		return
	case g.Err != nil:
		e.add(u.at("group"), Error, "kafka-coordinator", g.Err.Error(), fmt.Sprintf("kafka-topics.sh %s --describe --topic __consumer_offsets", bootstrap(u.broker)))
		return
	}
	e.mates(u, g)
	e.offsets(u, g)
}

// session compares the session timeout with what the brokers take.
func (e *examination) session(u use, k *survey.Kafka) {
	least := time.Duration(number(k.Settings, "group.min.session.timeout.ms", 0)) * time.Millisecond
	most := time.Duration(number(k.Settings, "group.max.session.timeout.ms", 1<<31)) * time.Millisecond
	ask := k.SessionTimeout
	if ask >= least && ask <= most {
		return
	}
	do := fmt.Sprintf("group.max.session.timeout.ms=%d in the settings of the brokers; or protocol: consumer, with Kafka 4.0 or later", ask.Milliseconds())
	if ask < least {
		do = fmt.Sprintf("group.min.session.timeout.ms=%d in the settings of the brokers; or protocol: consumer, with Kafka 4.0 or later", ask.Milliseconds())
	}
	e.add(u.at("group"), Error, "kafka-session-timeout", fmt.Sprintf("the bridge asks for %v, the brokers take %v to %v", ask, least, most), do)
}

// mates judges the members of the group.
func (e *examination) mates(u use, g *survey.Members) {
	var others []string
	ours := false
	for _, m := range g.Members {
		if e.named(m.Instance, u.route) {
			ours = true
			continue
		}
		name := fmt.Sprintf("client %q at %s", m.Client, strings.TrimPrefix(m.Host, "/"))
		if m.Instance != "" {
			name += fmt.Sprintf(" (instance %q)", m.Instance)
		}
		others = append(others, name)
	}
	if ours {
		e.ourselves(u, "kafka-group-in-use", "group", "a member of this route")
	}
	if len(others) == 0 {
		return
	}
	e.add(u.at("group"), shared(u), "kafka-group-in-use", fmt.Sprintf("group %q has %s", u.from.Group, strings.Join(others, ", ")),
		"stop it, or give the route a group of its own: group: bridge-"+u.route.Name)
}

// offsets judges where the group goes on.
func (e *examination) offsets(u use, g *survey.Members) {
	if g.OffsetsErr != nil {
		e.add(u.at("group"), Error, "kafka-coordinator", g.OffsetsErr.Error(), fmt.Sprintf("kafka-consumer-groups.sh %s --describe --group %s", bootstrap(u.broker), quoted(u.from.Group)))
		return
	}
	if len(g.Offsets) == 0 && u.from.Start.Latest {
		e.add(u.at("start"), Note, "kafka-start-latest", fmt.Sprintf("group %q has no offsets in this topic, and begins with what comes next", u.from.Group), "start: earliest reads what is there as well")
	}
	var gone []string
	for _, o := range g.Offsets {
		if o.At < o.Start || o.At > o.End {
			gone = append(gone, fmt.Sprintf("partition %d: %d, outside of %d to %d", o.Partition, o.At, o.Start, o.End))
		}
	}
	if len(gone) > 0 {
		e.add(u.at("group"), Error, "kafka-offsets", fmt.Sprintf("group %q goes on where the topic has nothing: %s", u.from.Group, strings.Join(gone, "; ")),
			"find out what happened to the topic; bridge run --accept-offset goes on from there, see Offsets that do not fit in docs/operations.md")
	}
}
