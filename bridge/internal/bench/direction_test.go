package main

import (
	"fmt"
	"testing"
)

func TestFlagsChooseDirections(t *testing.T) {
	for flags, want := range map[[2]string]string{
		{"all", "all"}:        "[RabbitMQ to RabbitMQ RabbitMQ to Kafka Kafka to RabbitMQ Kafka to Kafka]",
		{"rabbitmq", "all"}:   "[RabbitMQ to RabbitMQ RabbitMQ to Kafka]",
		{"all", "kafka"}:      "[RabbitMQ to Kafka Kafka to Kafka]",
		{"kafka", "rabbitmq"}: "[Kafka to RabbitMQ]",
	} {
		got, err := directions(flags[0], flags[1])
		if fmt.Sprint(got) != want || err != nil {
			t.Errorf("-from %s -to %s: %v, %v; want %s", flags[0], flags[1], got, err, want)
		}
	}
	for _, wrong := range [][2]string{{"", "kafka"}, {"kafka", "nats"}, {"Kafka", "all"}} {
		if got, err := directions(wrong[0], wrong[1]); err == nil {
			t.Errorf("-from %q -to %q: %v", wrong[0], wrong[1], got)
		}
	}
}
