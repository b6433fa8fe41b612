package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/internal/rawloop"
)

// message is the i-th: its body begins with the number, because the raw loop
// carries no headers.
func message(p plan, i int) amqp.Publishing {
	body := make([]byte, p.Size)
	for at := range body {
		body[at] = byte(i + at)
	}
	binary.BigEndian.PutUint64(body, uint64(i))
	return amqp.Publishing{
		MessageId: strconv.Itoa(i), DeliveryMode: amqp.Persistent, Body: body,
		Headers: amqp.Table{rawloop.KeyHeader: fmt.Sprintf("key-%d", i%p.Keys), "revision": int64(i/p.Keys) + 1},
	}
}

// measure is one run of one contender.
type measure struct {
	Rate       float64 `json:"rate"`           // messages per second, at the target
	CPU        float64 `json:"cpu"`            // seconds per million messages
	Seconds    float64 `json:"seconds"`        // between the first and the last record
	Missing    int     `json:"missing"`        // messages that are not at the target
	Duplicates int     `json:"duplicates"`     // beside the first of each
	Breaks     int     `json:"order_breaks"`   // records before one of a lower revision of their key
	Left       int     `json:"left_in_source"` // messages that were not acknowledged
}

// check reads the topic to its end: what is there, in which order, and when it
// was appended.
func (s *stage) check(ctx context.Context, p plan, topic string, m *measure) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(kafkaAddrs()...),
		kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	ends, err := s.admin.ListEndOffsets(ctx, topic)
	if err = errors.Join(err, ends.Error()); err != nil {
		return fmt.Errorf("look at topic %q: %w", topic, err)
	}
	rest := int64(0)
	for _, partition := range ends[topic] {
		rest += partition.Offset
	}
	seen := newSeen(p)
	for rest > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("read topic %q: %w", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			rest--
			seen.record(r, m)
		})
	}
	m.Missing = seen.missing
	m.Seconds = seen.last.Sub(seen.first).Seconds()
	m.Rate = float64(p.Messages) / m.Seconds
	return nil
}

// seen is what a topic has had so far.
type seen struct {
	plan
	had         []bool
	next        []int // per key, the number that follows the highest
	missing     int
	first, last time.Time
}

func newSeen(p plan) *seen {
	return &seen{plan: p, had: make([]bool, p.Messages), next: make([]int, p.Keys), missing: p.Messages}
}

func (s *seen) record(r *kgo.Record, m *measure) {
	if s.first.IsZero() || r.Timestamp.Before(s.first) {
		s.first = r.Timestamp
	}
	if r.Timestamp.After(s.last) {
		s.last = r.Timestamp
	}
	i := int(binary.BigEndian.Uint64(r.Value))
	if s.had[i] {
		m.Duplicates++
		return
	}
	s.had[i] = true
	s.missing--
	key := i % s.Keys
	if i < s.next[key] {
		m.Breaks++
	}
	s.next[key] = max(s.next[key], i)
}
