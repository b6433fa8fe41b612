package kafka

import (
	"context"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	dialTimeout = 10 * time.Second // with TLS
	// What Kafka's own producer puts into a batch by default, below the default
	// max.message.bytes.
	batchBytes = 1_000_012
	// A record alone may be as large as a request that a broker reads by default
	// (socket.request.max.bytes, 100 MiB), less the request around it: a larger
	// one would end the connection instead of being refused.
	aloneBytes = 100<<20 - 64<<10
)

// connection is how a client reaches the cluster: each connection with what the
// files of secrets and certificates say then.
func (b *Broker) connection(id string) []kgo.Opt {
	opts := []kgo.Opt{
		kgo.SeedBrokers(b.cfg.Brokers...),
		kgo.ClientID(id),
		kgo.Dialer(b.dial),
		kgo.MetadataMinAge(250 * time.Millisecond),
	}
	if b.cfg.SASL != nil {
		opts = append(opts, kgo.SASL(b.login()), kgo.WithHooks(&b.tokens))
	}
	return opts
}

func (b *Broker) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	dial := b.timing.dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	if b.cfg.TLS == nil {
		return dial(ctx, network, addr)
	}
	return b.access.Dial(ctx, dial, network, addr)
}

// producer opens a client that writes batches of up to limit bytes. Compression
// is off: it would cost more time than it saves on the same network, and hide
// how large a record is. Whole batches are handed over, so it does not linger.
func (t *Target) producer(limit int32, hooks ...kgo.Hook) (*kgo.Client, error) {
	return kgo.NewClient(append(t.b.connection("bridge-"+t.opts.Route),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RecordPartitioner(newPartitioner()),
		kgo.ProducerBatchMaxBytesFn(func(topic string) int32 { return t.batchLimit(topic, limit) }),
		kgo.UnknownTopicRetries(2),
		kgo.WithHooks(hooks...),
	)...)
}
