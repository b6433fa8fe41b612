package config

import "time"

// Kind is a kind of broker.
type Kind string

// The kinds of broker.
const (
	KindAMQP   Kind = "amqp"   // RabbitMQ, by AMQP 0-9-1
	KindKafka  Kind = "kafka"  // Kafka and what speaks its protocol
	KindMemory Kind = "memory" // inside this process, for demos and tests
)

// Client is the code that speaks to a broker.
type Client string

// The clients.
const (
	ClientBridge    Client = "bridge"    // the bridge's own edges
	ClientWatermill Client = "watermill" // Watermill's stock publisher and subscriber
)

// Broker is one broker and how it is reached. Exactly one of AMQP, Kafka and
// Memory is set.
type Broker struct {
	// Name is what routes call the broker.
	Name string

	// Path is where the broker stands in the file, for [File.Pos].
	Path string

	// Client is the code that speaks to the broker. Default bridge. What watermill
	// gives up is in [GivenUp]; what it cannot do is refused.
	Client Client

	AMQP   *AMQP
	Kafka  *Kafka
	Memory *Memory
}

// Kind says which of AMQP, Kafka and Memory is set.
func (b Broker) Kind() Kind {
	switch {
	case b.AMQP != nil:
		return KindAMQP
	case b.Kafka != nil:
		return KindKafka
	default:
		return KindMemory
	}
}

// AMQP is a RabbitMQ broker or cluster behind one address.
type AMQP struct {
	// URL is amqp://user:password@host:5672/vhost, or amqps:// for TLS.
	URL Secret

	// AuthMechanism is plain, with user and password of the URL (default), or
	// external, with the certificate of TLS; the URL then has neither.
	AuthMechanism AuthMechanism

	// Heartbeat is how often both sides say that they are there; a peer that is
	// silent for two of them is taken for dead. Whole seconds. Default 10s.
	Heartbeat time.Duration

	// TLS is set only with an amqps:// URL. Nil with amqps://: the system's
	// authorities.
	TLS *TLS

	// Management is http:// or https:// of RabbitMQ's management interface, with a
	// user and password of its own if they differ. Only `bridge doctor` asks it. Not
	// set: port 15672 of the same host (15671, encrypted, with amqps://), with the
	// login of the URL.
	Management Secret
}

// AuthMechanism is a way to log in to RabbitMQ.
type AuthMechanism string

// The ways to log in to RabbitMQ.
const (
	AuthPlain    AuthMechanism = "plain"    // user and password
	AuthExternal AuthMechanism = "external" // a client certificate
)

// Kafka is a Kafka cluster.
type Kafka struct {
	// Brokers are host:port addresses to start from. At least one. In the file also
	// one text with commas, so that a variable can hold several.
	Brokers []string

	// TLS, when set, encrypts. `tls: true` uses the system's authorities.
	TLS *TLS

	// SASL, when set, logs in.
	SASL *SASL
}

// TLS says whom to trust and who we are. The zero value trusts the system's
// authorities.
type TLS struct {
	// CA is a PEM file with the authorities to trust. Empty: the system's.
	CA string

	// Cert and Key are PEM files that say who we are. Both or neither.
	Cert, Key string

	// ServerName is the name expected in the server's certificate. Empty: the host
	// that was dialled.
	ServerName string

	// InsecureSkipVerify accepts any certificate: encrypted, but to whom? Default
	// false.
	InsecureSkipVerify bool
}

// Mechanism is a way to log in to Kafka.
type Mechanism string

// The mechanisms.
const (
	Plain       Mechanism = "plain"
	ScramSHA256 Mechanism = "scram-sha-256"
	ScramSHA512 Mechanism = "scram-sha-512"
	OAuthBearer Mechanism = "oauthbearer"
)

// SASL is a login for Kafka.
type SASL struct {
	// Mechanism is plain, scram-sha-256, scram-sha-512 or oauthbearer. Required.
	Mechanism Mechanism

	// Username and Password are required, but with oauthbearer.
	Username string
	Password Secret

	// Token is, with oauthbearer, the token. It is read again for each login, and
	// when Kafka asks for another before it expires.
	Token Secret

	// TokenURL is, with oauthbearer, where a token is had for ClientID and
	// ClientSecret (OAuth 2.0 client credentials), instead of Token.
	TokenURL     string
	ClientID     string
	ClientSecret Secret

	// Scopes are asked for with the token. Empty: those that the server gives by
	// itself.
	Scopes []string
}
