package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestFlagsChoosePeersAndDirectionsDecideWhoRuns(t *testing.T) {
	queues, toKafka, toRabbit, topics := direction{rabbitMQ, rabbitMQ}, direction{rabbitMQ, kafka}, direction{kafka, rabbitMQ}, direction{kafka, kafka}
	for _, c := range []struct {
		flag string
		way  direction
		want string
	}{
		{"", queues, ""},
		{"all", queues, " watermill shovel shovel direct"},
		{"all", toKafka, " watermill"},
		{"all", toRabbit, " watermill"},
		{"all", topics, " watermill mirrormaker"},
		{"mirrormaker,shovel", queues, " shovel shovel direct"},
		{"mirrormaker,shovel", toKafka, ""},
		{"mirrormaker,shovel", topics, " mirrormaker"},
	} {
		chosen, err := choosePeers(c.flag)
		got := ""
		for _, one := range contenders(c.way, chosen) {
			got += " " + one.name
		}
		if want := " raw loop bridge" + c.want; got != want || err != nil {
			t.Errorf("-peers %q, %s: %s, %v; want %s", c.flag, c.way, got, err, want)
		}
	}
	for _, wrong := range []string{"kafka", "shovel,", "Shovel"} {
		if got, err := choosePeers(wrong); err == nil {
			t.Errorf("-peers %q: %v", wrong, got)
		}
	}
}

// Who asks for no shovel needs none.
func TestOnlyWhatIsMovedIsFetched(t *testing.T) {
	var asked []string
	missing := func(name string, k kind) peer {
		return peer{name: name, moves: only(k), ready: func(*stage) error {
			asked = append(asked, name)
			return errors.New("it is not installed")
		}}
	}
	both := []peer{missing("queues", rabbitMQ), missing("topics", kafka)}
	s := &stage{}
	if err := s.prepare([]direction{{rabbitMQ, kafka}, {kafka, rabbitMQ}}, both); err != nil || asked != nil {
		t.Errorf("asked for %v, %v", asked, err)
	}
	err := s.prepare([]direction{{rabbitMQ, kafka}, {kafka, kafka}}, both)
	if err == nil || err.Error() != "peer topics: it is not installed" || !slices.Equal(asked, []string{"topics"}) {
		t.Errorf("asked for %v, %v", asked, err)
	}
}

func TestAScriptThatFailsSaysWhy(t *testing.T) {
	if out, err := brokersScript("pid", "nonsense"); err == nil || !strings.Contains(err.Error(), "say which: pid rabbitmq|kafka") {
		t.Errorf("%q, %v", out, err)
	}
}

// What it acknowledges before its confirm, or leaves when the source is empty for
// a moment, would not be the same work.
func TestAShovelConfirmsAndStays(t *testing.T) {
	sc := scene{from: &queue{name: "a"}, to: &queue{name: "b"}}
	want := `{"ack-mode":"on-confirm","dest-protocol":"amqp091","dest-queue":"b","dest-uri":"amqp://x",` +
		`"src-delete-after":"never","src-prefetch-count":2000,"src-protocol":"amqp091","src-queue":"a","src-uri":"amqp://x"}`
	if got := digs("amqp://x", sc); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
