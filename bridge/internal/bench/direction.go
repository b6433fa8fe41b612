package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// kind is what has queues or topics.
type kind string

const (
	rabbitMQ kind = "rabbitmq"
	kafka    kind = "kafka"
)

var brand = map[kind]string{rabbitMQ: "RabbitMQ", kafka: "Kafka"}

// direction is from where to where messages are moved.
type direction struct {
	From kind `json:"from"`
	To   kind `json:"to"`
}

func (d direction) String() string { return brand[d.From] + " to " + brand[d.To] }

// directions are those that the flags ask for.
func directions(from, to string) (all []direction, err error) {
	sources, err := kinds("from", from)
	if err != nil {
		return nil, err
	}
	targets, err := kinds("to", to)
	if err != nil {
		return nil, err
	}
	for _, f := range sources {
		for _, t := range targets {
			all = append(all, direction{f, t})
		}
	}
	return all, nil
}

func kinds(flag, word string) ([]kind, error) {
	both := []kind{rabbitMQ, kafka}
	switch {
	case word == "all":
		return both, nil
	case slices.Contains(both, kind(word)):
		return []kind{kind(word)}, nil
	}
	return nil, fmt.Errorf("-%s %q: want rabbitmq, kafka or all", flag, word)
}

// end is the queue or the topic that a run reads or writes.
type end interface {
	create(ctx context.Context) error
	// fill puts all messages in, in the order of their keys' revisions.
	fill(ctx context.Context, p plan) error
	// count is how many messages it holds.
	count(ctx context.Context) (int, error)
	// left is how many messages its reader has not acknowledged.
	left(ctx context.Context) (int, error)
	// read hands over all it holds, in its order: the number of each, and when it
	// came; zero if that is not known.
	read(ctx context.Context, each func(number int, at time.Time)) error
	drop(ctx context.Context) error
	called() string
	// from and to are the end as fields of a route, key is where a message has its key.
	from() string
	to() string
	key() string
}

func (s *stage) end(k kind, name string) end {
	if k == kafka {
		return s.topic(name)
	}
	return &queue{name: name, conn: s.conn}
}

func (s *stage) topic(name string) *topic {
	return &topic{name: name, client: s.client, admin: s.admin}
}
