//go:build !race

// It cuts connections: see lost_test.go.

package stock_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/stock"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/certs"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// E1, E2: the stock client of RabbitMQ encrypts and logs in with what the files say
// at each connection, as the own edge does.
func TestE1_E2_StockClientReadsFilesAgain(t *testing.T) {
	t.Parallel()
	ca := certs.New(t, "ca")
	cert, key := ca.Issue(t, certs.Asked{Name: "server"}).Write(t, t.TempDir(), "server")
	addr := rig.SecureAMQP(t, ca.File, rig.Listener{Cert: cert, Key: key})[0]
	user, queue := rig.NewUser(t, rig.Rights{Write: ".*", Read: ".*"}), rig.Queue(t)
	f, err := config.Parse("test.yaml", fmt.Appendf(nil, "brokers:\n  b: { client: watermill, amqp: { url: %q, tls: { ca: %s } } }\nroutes:\n"+
		"  - { name: r, from: { broker: b, queue: a }, to: { broker: b, queue: b }, order: { by: none } }\n",
		user.URL(t, "AMQPS", addr), ca.File), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	b, err := stock.New(f.Brokers[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	target, err := b.Target(config.To{Queue: queue}, broker.TargetOptions{Route: "route", Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	publishes := func(what string) {
		t.Helper()
		for end := time.Now().Add(40 * time.Second); ; time.Sleep(100 * time.Millisecond) {
			err := target.Publish("", &message.Message{UUID: rig.Name(t), Metadata: message.Metadata{}, Payload: []byte("a")})
			if err == nil {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
	publishes("at first")
	user.Write(t, "another")
	user.Change(t, "another")
	publishes("with another password")
	if err := b.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}
