package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/kafka"
	"github.com/brokerbridge/bridge/bridge/broker/memory"
	"github.com/brokerbridge/bridge/bridge/broker/stock"
	"github.com/brokerbridge/bridge/bridge/doctor"
	"github.com/brokerbridge/bridge/bridge/metrics"
)

// between replaces what a page has between <!-- NAME --> and <!-- /NAME -->.
func between(text, name, body string) (string, error) {
	slot := regexp.MustCompile(`(?s)<!-- ` + name + ` -->\n.*?<!-- /` + name + ` -->`)
	if !slot.MatchString(text) {
		return "", errors.New("the page has no place for " + name)
	}
	return slot.ReplaceAllLiteralString(text, "<!-- "+name+" -->\n"+body+"<!-- /"+name+" -->"), nil
}

// withChecks is the page with a row for each check that doctor makes.
func withChecks(text string) (string, error) {
	var out strings.Builder
	out.WriteString("| code | says | looks at | why it hurts |\n|---|---|---|---|\n")
	for _, c := range doctor.Checks {
		var says []string
		for _, s := range c.Severities {
			says = append(says, string(s))
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", c.Code, strings.Join(says, ", "), cell(c.Looks), cell(c.Why))
	}
	return between(text, "checks", out.String())
}

// withMetrics is the page with a row for each metric.
func withMetrics(text string) (string, error) {
	var out strings.Builder
	out.WriteString("| metric | type | labels | says |\n|---|---|---|---|\n")
	for _, m := range metrics.Table() {
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", m.Name, m.Type, strings.Join(m.Labels, ", "), cell(m.Says))
	}
	return between(text, "metrics", out.String())
}

// edges are the columns of the table of capabilities.
var edges = []struct {
	name   string
	traits broker.Traits
}{
	{"RabbitMQ", amqp.Traits()},
	{"Kafka", kafka.Traits()},
	{"RabbitMQ, `client: watermill`", stock.QueueTraits()},
	{"Kafka, `client: watermill`", stock.TopicTraits()},
	{"memory", memory.Traits()},
}

// withTraits is the page with a row for each trait and a column for each edge.
func withTraits(text string) (string, error) {
	var err error
	for _, of := range []string{"source", "target"} {
		var out strings.Builder
		out.WriteString("| a " + of + " |")
		for _, e := range edges {
			out.WriteString(" " + e.name + " |")
		}
		out.WriteString("\n|---|" + strings.Repeat("---|", len(edges)) + "\n")
		for _, trait := range broker.AllTraits {
			if trait.Of != of {
				continue
			}
			out.WriteString("| " + trait.Says + " |")
			for _, e := range edges {
				word := "–"
				if trait.Has(e.traits) {
					word = "yes"
				}
				out.WriteString(" " + word + " |")
			}
			out.WriteString("\n")
		}
		if text, err = between(text, "traits of a "+of, out.String()); err != nil {
			return "", err
		}
	}
	return text, nil
}
