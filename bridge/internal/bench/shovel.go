package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// The shovel is a plugin: it works inside RabbitMQ, so it has no process and no
// memory of its own, and what it costs is part of the broker's CPU. Its two ends
// connect over TCP, or `direct` within the node.
var (
	shovelTCP    = contender{name: "shovel", probe: 60_000, start: startShovel(shovelURL)}
	shovelDirect = contender{name: "shovel direct", probe: 60_000, start: startShovel(func() string { return "amqp://" })}
)

// shovelURL has no path where ours has an empty one: for the shovel that would be
// a virtual host without a name.
func shovelURL() string { return strings.TrimSuffix(amqpURL(), "/") }

func enableShovel(*stage) error {
	_, err := brokersScript("plugin", "rabbitmq_shovel")
	return err
}

// shovel is a shovel at work, under its name.
type shovel string

func startShovel(url func() string) func(context.Context, *stage, plan, scene, *os.File) (mover, error) {
	return func(_ context.Context, _ *stage, _ plan, sc scene, _ *os.File) (mover, error) {
		_, err := brokersScript("ctl", "set_parameter", "shovel", sc.name, digs(url(), sc))
		return shovel(sc.name), err
	}
}

// digs is what a shovel is to do: it acknowledges what was confirmed, stays when
// the source is empty, and has the raw loop's prefetch.
func digs(url string, sc scene) string {
	text, err := json.Marshal(map[string]any{
		"src-protocol": "amqp091", "src-uri": url, "src-queue": sc.from.called(),
		"src-prefetch-count": 2000, "src-delete-after": "never",
		"dest-protocol": "amqp091", "dest-uri": url, "dest-queue": sc.to.called(),
		"ack-mode": "on-confirm",
	})
	if err != nil {
		panic(err) // strings and numbers
	}
	return string(text)
}

func (shovel) look(bool) error { return nil }

// end removes it. What goes wrong within it is in its status only.
func (s shovel) end(atOnce bool) error {
	status := ""
	if atOnce {
		status, _ = brokersScript("ctl", "-q", "shovel_status")
	}
	if _, err := brokersScript("ctl", "clear_parameter", "shovel", string(s)); err != nil {
		return err
	}
	if atOnce {
		return fmt.Errorf("its status was:\n%s", status)
	}
	return nil
}

func (shovel) cost() cost { return cost{} }
