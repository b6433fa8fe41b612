package doctor

import (
	"slices"
	"strings"
)

// Check is one thing that is looked at.
type Check struct {
	Code string
	// Severities that a finding may have.
	Severities []Severity
	Looks      string // what is looked at
	Why        string // why a finding hurts
}

// why is that of a check; a code that is not among them is a mistake of ours.
func why(code string) string {
	i := slices.IndexFunc(Checks, func(c Check) bool { return c.Code == code })
	if i < 0 {
		panic("doctor: there is no check " + code)
	}
	return strings.ReplaceAll(Checks[i].Why, "`", "")
}

func of(s ...Severity) []Severity { return s }

const missingHurts = "The route looks for it every five seconds. Until it is there nothing moves; copies of dead letters and events wait in the store."

// Checks are all that are made, in the order in which they are documented.
var Checks = []Check{
	{
		"broker-version", of(Note), "What answers, in which version.",
		"What a broker does by default, and what it can be asked, depends on its version.",
	},
	{
		"broker-unreachable", of(Error), "Name, address and port of the broker, and whether it answers what it is asked.",
		"The routes wait for it, and nothing moves.",
	},
	{
		"broker-login", of(Error), "User and password.",
		"The broker refuses every connection until that is put right; some lock a user out who tries too often.",
	},
	{
		"broker-tls", of(Error), "Certificates: the authority, the name, the dates, whether the other side takes ours, and whether it encrypts at all.",
		"No connection is made, so nothing moves.",
	},
	{
		"broker-unverified", of(Warning), "`insecure_skip_verify`.",
		"Anybody on the way can take himself for the broker, and is told the password.",
	},
	{
		"broker-not-looked-at", of(Note), "What is not looked at: brokers in memory, names that messages choose.",
		"What they are like shows when messages move.",
	},

	{
		"amqp-vhost", of(Error), "The virtual host of the URL.",
		"RabbitMQ closes every connection to a virtual host that is missing or that the user may not use.",
	},
	{
		"amqp-management", of(Note), "Whether the management interface answers.",
		"Policies, permissions, bindings and consumers are told there only.",
	},
	{
		"amqp-alarm", of(Warning), "Memory and disk alarms of the nodes.",
		"While an alarm lasts RabbitMQ takes no messages from anybody: targets there are away, and keys park.",
	},
	{"amqp-queue-missing", of(Error, Note), "The queues that the file names.", missingHurts},
	{"amqp-exchange-missing", of(Error, Note), "The exchanges that the file names.", missingHurts},
	{
		"amqp-unroutable", of(Error, Note), "Whether the exchange has a binding for the routing key.",
		"RabbitMQ returns what no queue takes. With a fixed key the target counts as away; with one of the message's own the message becomes a dead letter `unroutable`.",
	},
	{
		"amqp-permission", of(Error), "The user's rights to read, write and configure.",
		"RabbitMQ closes the channel of whoever has no right; the route waits until somebody grants it.",
	},
	{
		"amqp-delivery-limit", of(Warning, Note), "`x-delivery-limit` of quorum queues, with its default since RabbitMQ 4.0.",
		"The bridge never asks RabbitMQ to requeue. But each crash and each lost connection gives back what was not acknowledged, which counts: a message that was given back more often than the limit is dropped, or dead-lettered past the order.",
	},
	{
		"amqp-consumer-timeout", of(Warning), "For how long a message may stay unacknowledged (`consumer_timeout`).",
		"RabbitMQ closes the channel of a consumer that holds a message for longer, gives back everything in hand, and that over and over.",
	},
	{
		"amqp-expiry", of(Warning), "`x-message-ttl`, `x-expires`, and lengths beyond which the oldest are dropped, of a source.",
		"While the bridge is down, or its intake pauses, messages wait in the queue. What RabbitMQ removes there is lost, and its key stands at a gap.",
	},
	{
		"amqp-overflow", of(Warning, Note), "Lengths and times to live of a queue that is written to.",
		"RabbitMQ confirms a message and then drops the oldest: the bridge has a checkpoint for what no reader will see. With `reject-publish` the target counts as away while it is full.",
	},
	{
		"amqp-dead-lettering", of(Note), "A dead-letter exchange of a source.",
		"The bridge rejects nothing, so only expiry, a length or a delivery limit brings messages there, past the order and the bridge's own dead letters.",
	},
	{
		"amqp-priority", of(Warning, Note), "`x-max-priority` of a source.",
		"RabbitMQ hands out messages in another order than they were sent in. Revisions put that right, with parking; an order of arrival is wrong from the start.",
	},
	{
		"amqp-other-consumers", of(Error, Note), "Who else reads the queue.",
		"Each message goes to one consumer only. An ordered route waits until it is the only one (`state_elsewhere`).",
	},
	{
		"amqp-single-active", of(Note), "Single active consumer.",
		"RabbitMQ refuses exclusive consumers there; the route counts consumers instead, every ten seconds.",
	},
	{
		"amqp-stream", of(Error), "Whether a source is a stream.",
		"A stream is not emptied by acknowledgements and begins, for each consumer, with what comes next: what came before, and while the bridge was down, is not read.",
	},
	{
		"amqp-transient", of(Warning), "Queues and exchanges that do not outlive a restart or their last user.",
		"What is in a queue that is not durable, or that is deleted with its last consumer, is lost with it, confirmed or not.",
	},

	{
		"kafka-seed", of(Warning), "Each address of `brokers`.",
		"Where only some answer, the bridge does not start any more when those are away.",
	},
	{
		"kafka-advertised", of(Error), "The addresses at which the cluster says that its brokers are.",
		"Clients go there after the first answer. One that cannot be reached takes its partitions and groups with it.",
	},
	{"kafka-topic-missing", of(Error, Note), "The topics that the file names.", missingHurts},
	{
		"kafka-permission", of(Error), "What Kafka says the user may do: read and write topics, read the group.",
		"Kafka refuses, and the route waits until somebody grants it.",
	},
	{
		"kafka-settings", of(Note), "Whether the settings of topics and brokers are told.",
		"Retention, sizes and replicas could not be checked.",
	},
	{
		"kafka-leaderless", of(Error), "Partitions without a leader.",
		"Their keys cannot be read or written.",
	},
	{
		"kafka-min-insync", of(Error, Warning), "`min.insync.replicas` beside the replicas that there are.",
		"The bridge waits for all in-sync replicas. Kafka refuses what fewer than the minimum would have: the target counts as away. A minimum above the number of replicas is taken for that number since Kafka 3.7 (seen on 4.1), so that each broker that is away stops the writes; before, Kafka takes none at all.",
	},
	{
		"kafka-replication", of(Note), "How many replicas a confirmed message has.",
		"What is on one disk only is lost with it; no loss (I1) reaches as far as the broker does.",
	},
	{
		"kafka-retention", of(Warning, Note), "`retention.ms` and `retention.bytes` of a source, and how long Kafka keeps a group's offsets.",
		"While the bridge is down, or its intake pauses, messages wait in the topic. What Kafka deletes there is lost; the route pauses with `source_truncated`.",
	},
	{
		"kafka-compacted", of(Warning, Note), "`cleanup.policy: compact`.",
		"Compaction keeps the last record of each key. In a source the revisions before it are gaps; in a target readers see no history, and records without a key are refused.",
	},
	{
		"kafka-unclean", of(Warning), "`unclean.leader.election.enable`.",
		"A replica that lacks confirmed messages may become the leader: they are gone, and offsets mean others.",
	},
	{
		"kafka-timestamps", of(Note), "`message.timestamp.type` of a target.",
		"With LogAppendTime Kafka writes its own time; that of the source is in the header `bridge-source-timestamp` at most.",
	},
	{
		"kafka-auto-create", of(Note), "`auto.create.topics.enable`.",
		"The bridge does not ask for it. But a name that somebody misspells becomes a topic, with the defaults of the broker.",
	},
	{
		"kafka-session-timeout", of(Error), "The bridge's session timeout beside the broker's bounds.",
		"Kafka refuses a member whose session timeout is out of bounds: the route never joins its group.",
	},
	{
		"kafka-coordinator", of(Error), "Whether the group has a coordinator that answers.",
		"Without it nobody joins the group, and no offset is read or written.",
	},
	{
		"kafka-group-in-use", of(Error, Note), "Who else is in the consumer group.",
		"Kafka shares the partitions among the members. An ordered route waits until it is alone (`state_elsewhere`).",
	},
	{
		"kafka-offsets", of(Error), "The group's offsets beside what the topic has.",
		"They point at records that are gone, or that never were: the topic was truncated or created anew. The route pauses, because going on from elsewhere would lose or repeat.",
	},
	{
		"kafka-start-latest", of(Note), "`start: latest` where the group has no offsets.",
		"What is in the topic now is passed over; keys that are mid-stream begin with a gap, unless `first: adopt`.",
	},

	{
		"order-source", of(Error, Warning, Note), "Whether the source keeps the order that the route relies on.",
		"Kafka keeps the order within a partition, and the record key decides the partition. An order of arrival over several of them is chance; revisions put it right, with parking.",
	},
	{
		"order-target", of(Warning), "Whether records of one key of the order go to one partition.",
		"Readers see the messages of a key from several partitions, in any order, though the bridge has sent them in the right one.",
	},
	{
		"size-limit", of(Warning, Note), "The largest message that the source holds beside what the target takes.",
		"A message that is too large for the target becomes a dead letter `too_large`, and its key waits.",
	},

	{
		"store-memory", of(Warning), "`store: { memory: {} }`.",
		"Checkpoints, parked messages and dead letters end with the process: what was acknowledged and parked is lost.",
	},
	{
		"store-new", of(Note), "Whether there is a store.",
		"A bridge without its store knows no checkpoint: keys that are mid-stream begin with a gap, unless `first: adopt`.",
	},
	{
		"store-unwritable", of(Error), "Whether the directory can be made and written.",
		"The bridge does not start.",
	},
	{
		"store-volatile", of(Warning), "Whether the directory is on a disk.",
		"What is in memory is gone after a restart of the machine, checkpoints and parked messages with it.",
	},
	{
		"store-space", of(Error, Warning), "The room on the store's disk beside `min_free`.",
		"Below it intake pauses with `store_space`.",
	},
	{
		"store-in-use", of(Note), "Whether a bridge runs on the store.",
		"It is its messages that move, and its consumers and group members that are seen.",
	},
	{
		"store-format", of(Error, Note), "The format of the store.",
		"A store of a newer format is not opened; one of an older format is brought up to date at the start, and older programs do not read it any more.",
	},
	{
		"store-broken", of(Error), "Whether the store can be opened.",
		"The bridge does not start. Nothing is repaired by guessing.",
	},
}
