package main

import (
	"errors"
	"os"
	"testing"
	"time"
	"strings"
	"fmt"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/brokerbridge/bridge/policies"
	"github.com/brokerbridge/bridge/bridge/status"
)

func TestScratch(t *testing.T) {
	s := newSiteOf(t, strings.ReplaceAll(operated, "then: continue", "then: continue, edit: true"))
	s.out.Fail("lax", func(m *message.Message) error {
		if strings.Contains(string(m.Payload), "bad") {
			return policies.Because(policies.Permanent, "too_large", errors.New("MESSAGE_TOO_LARGE: The request included a message larger than the max message size the server will accept"))
		}
		return nil
	})
	s.fails(150)
	for i := range 3 {
		m := message.NewMessage("m-1", []byte(fmt.Sprintf(`{"order":{"id":"4711-%d","total":12.50,"lines":[{"sku":"A-1","n":2},{"sku":"B-<script>alert(1)</script>","n":1}],"note":"bad \u202e text\nsecond line"},"paid":false,"x":null}`, i)))
		m.Metadata["key"], m.Metadata["revision"] = "4711", "2"
		m.Metadata["bridge-amqp"] = `{"exchange":"shop","routing-key":"orders","content-type":"application/json","types":{"retries":"I","at":"T"},"values":{"x-death":{"A":[{"F":{"count":{"l":3},"queue":"orders"}}]}}}`
		m.Metadata["retries"], m.Metadata["at"], m.Metadata["traceparent"] = "3", "2026-01-01T00:00:00Z", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
		m.Metadata["revision"] = fmt.Sprint(2*i+2)
		s.put("lax", "4711", 2*i+1)
		s.in.Put("lax", m)
	}
	s.put("lax", "4711", 7, 8)
	s.await("it", func() bool { return len(s.letters("lax")) == 3 })
	_ = status.Counts{}
	os.WriteFile("/tmp/w/cons2.addr", []byte(s.address+"\n"+s.letters("lax")[0].ID+"\n"+s.letters("strict")[0].ID+"\n"+s.letters("strict")[0].Group), 0o644)
	for { if _, err := os.Stat("/tmp/w/cons2.stop"); err == nil { return }; time.Sleep(200*time.Millisecond) }
}
