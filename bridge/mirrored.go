package bridge

import (
	"maps"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/tidwall/gjson"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/policies"
)

// Where a copy of a dead letter came from, beside its story.
const (
	headerDeadID           = "bridge-dlq-id" // in the store: bridge dlq show takes it
	headerSourceQueue      = "bridge-source-queue"
	headerSourceExchange   = "bridge-source-exchange"
	headerSourceRoutingKey = "bridge-source-routing-key"
	headerSourceTopic      = "bridge-source-topic"
	headerSourcePartition  = "bridge-source-partition"
	headerSourceOffset     = "bridge-source-offset"
)

// mirrored is the copy of a dead letter: body and headers as they were, with its
// story, and with the key of its order, so that one key is in one partition.
func mirrored(r config.Route, d *store.DeadLetter) *message.Message {
	m := message.NewMessage(d.Message.ID, d.Payload)
	maps.Copy(m.Metadata, d.Metadata)
	policies.Story{
		Reason: d.Reason, Class: d.Class, Error: d.Error, Attempts: d.Attempts,
		FirstFailed: d.FirstFailed, LastFailed: d.LastFailed, Route: r.Name, Target: d.Target,
	}.Write(m.Metadata)
	m.Metadata[headerDeadID] = d.ID
	if d.Key != "" {
		m.Metadata[broker.HeaderKey] = d.Key
	}
	writeSource(m.Metadata, r)
	return m
}

// writeSource tells where the message stood in the broker it came from, as far
// as its sidecars know. A message may have that of another broker, from before.
func writeSource(md message.Metadata, r config.Route) {
	for _, name := range []string{
		headerSourceQueue, headerSourceExchange, headerSourceRoutingKey, headerSourceTopic, headerSourcePartition, headerSourceOffset,
	} {
		delete(md, name)
	}
	fromAMQP, fromKafka := false, false
	for _, f := range r.From {
		fromAMQP, fromKafka = fromAMQP || f.Queue != "", fromKafka || f.Topic != ""
	}
	if fromAMQP {
		if len(r.From) == 1 {
			md[headerSourceQueue] = r.From[0].Queue
		}
		for header, property := range map[string]string{headerSourceExchange: "exchange", headerSourceRoutingKey: "routing-key"} {
			if v, ok := broker.Property(md, property); ok && v != "" {
				md[header] = v
			}
		}
	}
	if fromKafka {
		side := gjson.GetMany(md[broker.HeaderKafka], "topic", "partition", "offset")
		for i, header := range []string{headerSourceTopic, headerSourcePartition, headerSourceOffset} {
			if side[i].Exists() {
				md[header] = side[i].String()
			}
		}
	}
}
