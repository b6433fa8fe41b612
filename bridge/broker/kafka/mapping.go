package kafka

import (
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
)

// Message returns a record as a message, as a source does: for an edge on another
// client.
func Message(r *kgo.Record, trust config.Trust) *message.Message {
	var dec decoder
	dec.TrustNone = trust == config.TrustNone
	return dec.message(r)
}

// Record returns the record that a target writes of a message to this topic: for
// an edge on another client. Its error carries a class.
func Record(m *message.Message, topic string, to config.To, opts broker.TargetOptions) (*kgo.Record, error) {
	var w writer
	w.reset([]*message.Message{m})
	t := Target{to: to, opts: opts}
	if err := w.record(&w.records[0], &t, topic, m, false); err != nil {
		return nil, err
	}
	return &w.records[0], nil
}

// Classify says whose fault a failed publish is: Kafka's own errors as kerr has
// them, and those of the network.
func Classify(err error) error { return classify(err) }

// Partitioner picks the partition of a record as Kafka's own client does, by
// murmur2 of its key; for records with a key only.
func Partitioner(topic string) kgo.TopicPartitioner {
	return kgo.StickyKeyPartitioner(nil).ForTopic(topic)
}

// Instance is what the source of an ordered route is called in its group, as a
// static member; store is what the names of all sources of the same store's route
// begin with.
func Instance(opts broker.SourceOptions, topic string) (name, store string) {
	o := newOwner(opts, topic)
	return o.instance, o.store
}
