package amqp

import (
	"context"
	"encoding/json"

	"github.com/brokerbridge/bridge/bridge/broker/survey"
)

// queue is what the management interface tells of a queue, or nil.
func (m *manager) queue(ctx context.Context, found *survey.AMQP, name string) *survey.QueueDetails {
	var q struct {
		Type       string
		Durable    bool
		AutoDelete bool `json:"auto_delete"`
		Exclusive  bool
		Arguments  table
		PolicyName string `json:"policy"`
		Policy     table  `json:"effective_policy_definition"`
		Readers    []struct {
			Tag       string          `json:"consumer_tag"`
			Exclusive bool            `json:"exclusive"`
			Channel   json.RawMessage `json:"channel_details"` // an empty list while it is not known
		} `json:"consumer_details"`
	}
	if err := m.get(ctx, &q, "queues", found.VHost, name); err != nil {
		m.hide(found, "queue "+name, err)
		return nil
	}
	d := &survey.QueueDetails{
		Type: q.Type, Durable: q.Durable, AutoDelete: q.AutoDelete, Exclusive: q.Exclusive,
		Arguments: q.Arguments, Policy: q.Policy, PolicyName: q.PolicyName,
	}
	if kind, ok := q.Arguments["x-queue-type"].(string); ok && d.Type == "" {
		d.Type = kind // the queue has not told of itself yet
	}
	for _, r := range q.Readers {
		var channel struct {
			Connection string `json:"connection_name"`
		}
		_ = json.Unmarshal(r.Channel, &channel)
		d.Readers = append(d.Readers, survey.Reader{Connection: channel.Connection, Tag: r.Tag, Exclusive: r.Exclusive})
	}
	return d
}

// exchange is what the management interface tells of an exchange, or nil.
func (m *manager) exchange(ctx context.Context, found *survey.AMQP, name string) *survey.ExchangeDetails {
	var e struct {
		Type       string
		Durable    bool
		AutoDelete bool `json:"auto_delete"`
		Internal   bool
		Arguments  table
		Policy     table `json:"effective_policy_definition"`
	}
	var bindings []struct {
		Destination string
		Kind        string `json:"destination_type"`
		Key         string `json:"routing_key"`
	}
	err := m.get(ctx, &e, "exchanges", found.VHost, name)
	if err == nil {
		err = m.get(ctx, &bindings, "exchanges", found.VHost, name, "bindings", "source")
	}
	if err != nil {
		m.hide(found, "exchange "+name, err)
		return nil
	}
	d := &survey.ExchangeDetails{Type: e.Type, Durable: e.Durable, AutoDelete: e.AutoDelete, Internal: e.Internal}
	d.Alternate, _ = e.Arguments["alternate-exchange"].(string)
	if other, ok := e.Policy["alternate-exchange"].(string); ok && d.Alternate == "" {
		d.Alternate = other
	}
	for _, b := range bindings {
		d.Bindings = append(d.Bindings, survey.Binding{Key: b.Key, To: b.Destination, ToExchange: b.Kind == "exchange"})
	}
	return d
}

// table is a mapping, which RabbitMQ writes as an empty list where it is empty.
type table map[string]any

// UnmarshalJSON reads the numbers of a mapping as int64 where they are whole.
func (t *table) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		return nil
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(data, &values); err != nil {
		return err
	}
	*t = table{}
	for name, raw := range values {
		var whole int64
		if json.Unmarshal(raw, &whole) == nil {
			(*t)[name] = whole
			continue
		}
		var other any
		if err := json.Unmarshal(raw, &other); err != nil {
			return err
		}
		(*t)[name] = other
	}
	return nil
}
