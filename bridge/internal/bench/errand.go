package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/brokerbridge/bridge/bridge/internal/bench/stock"
	"github.com/brokerbridge/bridge/bridge/internal/rawloop"
)

// errand is what a child that is bench itself has to do. A queue needs no group.
type errand struct {
	from, to place
	group    string
	n        int
}

// place is a queue or a topic.
type place struct {
	kind kind
	name string
}

func (sc scene) errand(p plan) errand {
	return errand{place{sc.way.From, sc.from.called()}, place{sc.way.To, sc.to.called()}, sc.name, p.Messages}
}

func (e errand) String() string {
	return fmt.Sprintf("%s:%s,%s:%s,%s,%d", e.from.kind, e.from.name, e.to.kind, e.to.name, e.group, e.n)
}

func parseErrand(words string) (e errand, err error) {
	var from, to string
	if _, err := fmt.Sscan(strings.ReplaceAll(words, ",", " "), &from, &to, &e.group, &e.n); err != nil {
		return e, fmt.Errorf("errand %q: %w", words, err)
	}
	e.from, e.to = parsePlace(from), parsePlace(to)
	return e, nil
}

func parsePlace(word string) place {
	k, name, _ := strings.Cut(word, ":")
	return place{kind(k), name}
}

// loop is the raw loop as a child.
func loop(ctx context.Context, words string) error {
	e, err := parseErrand(words)
	if err != nil {
		return err
	}
	_, err = rawloop.Run(ctx, e.rawEnd(e.from), e.rawEnd(e.to), e.n)
	return err
}

func (e errand) rawEnd(p place) rawloop.End {
	if p.kind == kafka {
		return rawloop.Topic{Brokers: kafkaAddrs(), Name: p.name, Group: e.group}
	}
	return rawloop.Queue{URL: amqpURL(), Name: p.name}
}

// router is stock Watermill as a child; it runs until ctx ends.
func router(ctx context.Context, words string) error {
	e, err := parseErrand(words)
	if err != nil {
		return err
	}
	return stock.Run(ctx, e.stockEnd(e.from), e.stockEnd(e.to))
}

func (e errand) stockEnd(p place) stock.End {
	if p.kind == kafka {
		return stock.Topic{Brokers: kafkaAddrs(), Name: p.name, Group: e.group}
	}
	return stock.Queue{URL: amqpURL(), Name: p.name}
}
