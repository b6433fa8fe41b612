package kafka

import (
	"context"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Tune makes the members of a broker's sources die and be missed sooner.
func (b *Broker) Tune(session, heartbeat time.Duration) *Broker {
	b.timing.session, b.timing.heartbeat = session, heartbeat
	return b
}

// Balance sets the only way in which partitions are shared.
func (b *Broker) Balance(balancer kgo.GroupBalancer) *Broker {
	b.timing.balancer = balancer
	return b
}

// Dial sets how brokers are reached.
func (b *Broker) Dial(dial func(ctx context.Context, network, host string) (net.Conn, error)) *Broker {
	b.timing.dial = dial
	return b
}
