package kafka

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/brokerbridge/bridge/bridge/broker/internal/secure"
	"github.com/brokerbridge/bridge/bridge/config"
)

const (
	// What Kafka's own producer puts into a batch by default, below the default
	// max.message.bytes.
	batchBytes = 1_000_012
	// A record alone may be as large as a request that a broker reads by default
	// (socket.request.max.bytes, 100 MiB), less the request around it: a larger
	// one would end the connection instead of being refused.
	aloneBytes = 100<<20 - 64<<10
)

// connection is how a client reaches the cluster.
func (b *Broker) connection(id string) ([]kgo.Opt, error) {
	opts := []kgo.Opt{
		kgo.SeedBrokers(b.cfg.Brokers...),
		kgo.ClientID(id),
		kgo.DialTimeout(10 * time.Second),
		kgo.MetadataMinAge(250 * time.Millisecond),
	}
	tls, err := secure.TLS(b.cfg.TLS)
	if err != nil {
		return nil, err
	}
	if tls != nil {
		opts = append(opts, kgo.DialTLSConfig(tls))
	}
	if b.timing.dial != nil {
		opts = append(opts, kgo.Dialer(b.timing.dial))
	}
	if b.cfg.SASL != nil {
		opts = append(opts, kgo.SASL(login(b.cfg.SASL)))
	}
	return opts, nil
}

func login(s *config.SASL) sasl.Mechanism {
	auth := scram.Auth{User: s.Username, Pass: s.Password.Reveal()}
	switch s.Mechanism {
	case config.ScramSHA256:
		return auth.AsSha256Mechanism()
	case config.ScramSHA512:
		return auth.AsSha512Mechanism()
	default:
		return plain.Auth{User: s.Username, Pass: s.Password.Reveal()}.AsMechanism()
	}
}

// producer opens a client that writes batches of up to limit bytes. Compression
// is off: it would cost more time than it saves on the same network, and hide
// how large a record is. Whole batches are handed over, so it does not linger.
func (t *Target) producer(limit int32, hooks ...kgo.Hook) (*kgo.Client, error) {
	opts, err := t.b.connection("bridge-" + t.opts.Route)
	if err != nil {
		return nil, err
	}
	return kgo.NewClient(append(opts,
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RecordPartitioner(newPartitioner()),
		kgo.ProducerBatchMaxBytesFn(func(topic string) int32 { return t.batchLimit(topic, limit) }),
		kgo.UnknownTopicRetries(2),
		kgo.WithHooks(hooks...),
	)...)
}
