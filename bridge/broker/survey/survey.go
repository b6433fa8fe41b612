// Package survey is what a look at a broker tells, for those who judge it before
// messages move. A look changes nothing: nothing is declared, read, written or
// committed, and no group is joined.
//
// The edges fill it ([github.com/brokerbridge/bridge/bridge/broker.Surveyor]);
// what follows from it is said elsewhere.
package survey

import "time"

// Plan is what is looked at. Names may be given twice.
type Plan struct {
	Queues    []string // of RabbitMQ
	Exchanges []string // of RabbitMQ
	Topics    []string // of Kafka
	Groups    []Group  // of Kafka
}

// Group is a Kafka consumer group and the topic that it reads.
type Group struct{ Name, Topic string }

// Survey is what was found. Exactly one of its parts is set.
type Survey struct {
	Trouble *Trouble // the broker could not be asked at all
	AMQP    *AMQP
	Kafka   *Kafka
}

// AMQP is what a RabbitMQ says of itself and of what was asked for.
type AMQP struct {
	Product, Version, Cluster string
	User, VHost               string // User: "" where a certificate names him

	Management Management
	Alarms     []string     // of its nodes, such as "memory on rabbit@a"
	Rights     *Permissions // of User in VHost; nil: it was not told

	Queues    map[string]*Queue
	Exchanges map[string]*Exchange
}

// Management is RabbitMQ's HTTP interface, which tells what AMQP does not.
type Management struct {
	URL string // without user and password
	Err error  // why nothing came of it; nil: it answered
	// Hidden are questions that it refused to the user.
	Hidden []string
}

// Permissions are regular expressions for the names of queues and exchanges.
type Permissions struct{ Configure, Write, Read string }

// Queue is a queue of RabbitMQ.
type Queue struct {
	Missing bool
	Denied  bool  // Err is RabbitMQ's refusal: no right, or another connection's alone
	Err     error // why RabbitMQ does not tell of it

	Messages, Consumers int

	// What follows is told by the management interface; nil: it was not.
	Details *QueueDetails
}

// QueueDetails are what the management interface tells of a queue.
type QueueDetails struct {
	Type                           string // classic, quorum or stream
	Durable, AutoDelete, Exclusive bool
	Arguments                      map[string]any
	Policy                         map[string]any // of all policies together, as RabbitMQ sees it
	PolicyName                     string         // "": there is none, or it was not told
	Readers                        []Reader
}

// Reader is a consumer of a queue.
type Reader struct {
	Connection, Tag string
	Exclusive       bool
}

// Exchange is an exchange of RabbitMQ.
type Exchange struct {
	Missing bool
	Denied  bool // Err is RabbitMQ's refusal
	Err     error
	Details *ExchangeDetails // nil: they were not told
}

// ExchangeDetails are what the management interface tells of an exchange.
type ExchangeDetails struct {
	Type                          string
	Durable, AutoDelete, Internal bool
	Alternate                     string // the exchange for what it does not route, if any
	Bindings                      []Binding
}

// Binding leads from an exchange to a queue or to another exchange.
type Binding struct {
	Key, To    string
	ToExchange bool
}

// Kafka is what a Kafka says of itself and of what was asked for.
type Kafka struct {
	Version, Cluster string // the version is guessed by what it speaks

	Seeds []Address // the configured addresses
	Nodes []Address // where its brokers say that they are

	Settings    map[string]string // of a broker
	SettingsErr error             // why there are none

	// What the bridge's client would ask for.
	SessionTimeout time.Duration // as a member of a group of the protocol classic
	LargestRecord  int64         // that it sends, in bytes

	Topics map[string]*Topic
	Groups map[Group]*Members

	// Unasked is why the topics and groups that are not here were not asked for, or
	// had no time to answer.
	Unasked error
}

// Address is a place where a broker should answer.
type Address struct {
	At      string
	Trouble *Trouble // nil: something answers there
}

// Topic is a topic of Kafka.
type Topic struct {
	Missing, Denied bool
	Err             error

	Partitions, Leaderless int
	Replicas, InSync       int // of the partition with the fewest

	Settings    map[string]string
	SettingsErr error
	Rights      []string // such as READ and WRITE; nil: they were not told
}

// Members are those of a consumer group, and how far it is in its topic.
type Members struct {
	Denied bool
	Err    error

	State   string
	Members []Member
	Rights  []string // such as READ; nil: they were not told

	Offsets []Offset // of the partitions for which it has one
	// OffsetsErr is why they are not known.
	OffsetsErr error
}

// Member is a member of a group.
type Member struct{ Instance, Client, Host string }

// Offset is how far a group is in a partition that reaches from Start to End.
type Offset struct {
	Partition      int32
	At, Start, End int64
}
