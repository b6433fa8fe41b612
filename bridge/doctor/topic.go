package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/broker/survey"
	"github.com/brokerbridge/bridge/bridge/config"
)

// topic judges a topic that is read or written.
func (e *examination) topic(u use, k *survey.Kafka, t *survey.Topic) {
	name := u.topic()
	who, _ := identity(u.broker)
	verb := "WRITE"
	if u.from != nil {
		verb = "READ"
	}
	switch {
	case t == nil:
		return
	case t.Missing:
		e.missing(u, "topic", "kafka-topic-missing", fmt.Sprintf("topic %q", name),
			fmt.Sprintf("kafka-topics.sh %s --create --topic %s --partitions 6, or declare: { partitions: 6 } in the route's %q", bootstrap(u.broker), quoted(name), end(u)))
		return
	case t.Denied, len(t.Rights) > 0 && !slices.Contains(t.Rights, verb) && !slices.Contains(t.Rights, "ALL"):
		e.add(u.at("topic"), Error, "kafka-permission", fmt.Sprintf("%s may not %s topic %q", who, verb, name),
			allowing(u.broker, verb+" --operation Describe --topic "+quoted(name)))
		return
	case t.Err != nil:
		e.add(u.at("topic"), Error, "kafka-topic-missing", fmt.Sprintf("topic %q: %v", name, t.Err), "")
		return
	}
	if t.Leaderless > 0 {
		e.add(u.at("topic"), Error, "kafka-leaderless", fmt.Sprintf("%d of %s have no leader", t.Leaderless, count(t.Partitions, "partition")),
			fmt.Sprintf("start the brokers that have them: kafka-topics.sh %s --describe --unavailable-partitions", bootstrap(u.broker)))
	}
	if t.SettingsErr != nil {
		e.add(u.at("topic"), Note, "kafka-settings", fmt.Sprintf("those of topic %q are not told: %v", name, t.SettingsErr),
			allowing(u.broker, "DescribeConfigs --topic "+quoted(name)))
		return
	}
	e.insync(u, k, t)
	e.safety(u, t)
	if u.from != nil {
		e.retention(u, k, t)
	} else {
		e.stamps(u, t)
	}
	e.compaction(u, t)
}

// identity is who Kafka takes us for, and what a command of Kafka calls that: the user
// of the login; else the subject of the certificate, and nobody without one.
func identity(b config.Broker) (who, principal string) {
	switch sasl, tls := b.Kafka.SASL, b.Kafka.TLS; {
	case sasl != nil && sasl.Mechanism == config.OAuthBearer:
		return "the subject of the token", "User:SUBJECT-OF-THE-TOKEN"
	case sasl != nil:
		return "user " + quoted(sasl.Username), "User:" + quoted(sasl.Username)
	case tls != nil && tls.Cert != "":
		return "the subject of tls.cert", "User:'SUBJECT-OF-tls.cert'"
	}
	return "user ANONYMOUS", "User:ANONYMOUS"
}

// allowing is the command that allows us an operation on something of Kafka's.
func allowing(b config.Broker, rest string) string {
	_, principal := identity(b)
	return fmt.Sprintf("kafka-acls.sh %s --add --allow-principal %s --operation %s", bootstrap(b), principal, rest)
}

// alter is the command that sets a setting of the topic.
func alter(u use, setting, value string) string {
	return fmt.Sprintf("kafka-configs.sh %s --alter --topic %s --add-config %s=%s", bootstrap(u.broker), quoted(u.topic()), setting, value)
}

func leastInSync(t *survey.Topic) int { return int(number(t.Settings, "min.insync.replicas", 1)) }

// insync judges whether Kafka takes a record that all in-sync replicas must have.
// From 3.7 on it counts no more replicas than there are (KAFKA-15583).
func (e *examination) insync(u use, k *survey.Kafka, t *survey.Topic) {
	least := leastInSync(t)
	many := fmt.Sprintf("min.insync.replicas is %d of %s: ", least, count(t.Replicas, "replica"))
	fewer := alter(u, "min.insync.replicas", strconv.Itoa(max(1, t.Replicas-1)))
	switch {
	case u.to == nil:
	case min(least, t.Replicas) > t.InSync:
		e.add(u.at("topic"), Error, "kafka-min-insync", fmt.Sprintf("min.insync.replicas is %d, and %s in sync now", least, count(t.InSync, "replica")),
			"start the brokers that are away: kafka-topics.sh "+bootstrap(u.broker)+" --describe --under-min-isr-partitions")
	case least > t.Replicas && before(k.Version, 3, 7):
		e.add(u.at("topic"), Error, "kafka-min-insync", many+"before 3.7 Kafka refuses every record for that", fewer)
	case least > t.Replicas:
		e.add(u.at("topic"), Warning, "kafka-min-insync", many+"Kafka counts no more than there are", fewer)
	}
}

// before reports whether a Kafka is surely of an earlier version, by what was guessed
// of it: "v3.6", "between v3.5 and v3.6", "at least v4.1".
func before(guess string, major, minor int) bool {
	var a, b int
	latest := guess[strings.LastIndex(guess, "v")+1:]
	if n, _ := fmt.Sscanf(latest, "%d.%d", &a, &b); n < 2 || strings.Contains(guess, "at least") {
		return false
	}
	return a < major || a == major && b < minor
}

// safety judges how safe a record is once it is confirmed.
func (e *examination) safety(u use, t *survey.Topic) {
	least := leastInSync(t)
	switch {
	case t.Replicas == 1:
		e.add(u.at("topic"), Note, "kafka-replication", "each record has 1 replica", "a topic with 3 replicas and min.insync.replicas=2")
	case least == 1 && t.Replicas > 1 && u.to != nil:
		e.add(u.at("topic"), Note, "kafka-replication", fmt.Sprintf("min.insync.replicas is 1 of %d: a record may be confirmed that one broker has", t.Replicas),
			alter(u, "min.insync.replicas", "2"))
	}
	if t.Settings["unclean.leader.election.enable"] == "true" {
		e.add(u.at("topic"), Warning, "kafka-unclean", "unclean.leader.election.enable is true", alter(u, "unclean.leader.election.enable", "false"))
	}
}

// restful is how long a source should keep what the bridge has not taken: less than a
// weekend is told, less than a day is a warning.
const (
	shortest = 24 * time.Hour
	restful  = 72 * time.Hour
)

func (e *examination) retention(u use, k *survey.Kafka, t *survey.Topic) {
	short := func(what string, d time.Duration, do string) {
		severity := Note
		if d < shortest {
			severity = Warning
		}
		if d < restful {
			e.add(u.at("topic"), severity, "kafka-retention", what+" "+d.String(), do)
		}
	}
	if deletes(t) {
		if ms := number(t.Settings, "retention.ms", -1); ms >= 0 {
			short("a record is deleted after", time.Duration(ms)*time.Millisecond, alter(u, "retention.ms", strconv.FormatInt((7*24*time.Hour).Milliseconds(), 10)))
		}
		if n := number(t.Settings, "retention.bytes", -1); n >= 0 {
			e.add(u.at("topic"), Warning, "kafka-retention", fmt.Sprintf("the oldest records of a partition are deleted beyond %s (retention.bytes)", size(n)), alter(u, "retention.bytes", "-1"))
		}
	}
	if m := number(k.Settings, "offsets.retention.minutes", -1); m >= 0 {
		short("Kafka forgets the offsets of a group that nobody is in after", time.Duration(m)*time.Minute, "offsets.retention.minutes=10080 in the settings of the brokers")
	}
}

func deletes(t *survey.Topic) bool  { return hasPolicy(t, "delete") }
func compacts(t *survey.Topic) bool { return hasPolicy(t, "compact") }

func (e *examination) stamps(u use, t *survey.Topic) {
	if t.Settings["message.timestamp.type"] == "LogAppendTime" {
		e.add(u.at("topic"), Note, "kafka-timestamps", "message.timestamp.type is LogAppendTime", alter(u, "message.timestamp.type", "CreateTime"))
	}
}

// compaction judges what is kept of a key.
func (e *examination) compaction(u use, t *survey.Topic) {
	if !compacts(t) {
		return
	}
	policy := "cleanup.policy is " + t.Settings["cleanup.policy"]
	switch {
	case u.from != nil && u.ordered():
		e.add(u.at("topic"), Warning, "kafka-compacted", policy+", of a source with an order", alter(u, "cleanup.policy", "delete"))
	case u.from != nil:
		e.add(u.at("topic"), Note, "kafka-compacted", policy, "")
	case len(u.to.Key) == 0 && u.role == roleTarget:
		e.add(u.at("topic"), Warning, "kafka-compacted", policy+", and the route has no key of its own: a record without one is refused",
			`say what the record key is: key: header.X in the route's "to"`)
	default:
		e.add(u.at("topic"), Note, "kafka-compacted", policy+": of each key readers find the last record only, once it is compacted", "")
	}
}

// number is a setting; the fallback, where it is none or not told.
func number(settings map[string]string, name string, fallback int64) int64 {
	n, err := strconv.ParseInt(settings[name], 10, 64)
	if err != nil {
		return fallback
	}
	return n
}
