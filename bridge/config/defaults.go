package config

import "time"

const (
	defaultListen   = "127.0.0.1:8321"
	defaultDir      = "./bridge-data"
	defaultMinFree  = 512 << 20
	defaultQueue    = "quorum"
	defaultExchange = "topic"
)

func defaultStore() Store { return Store{MinFree: defaultMinFree} }

func defaultToken() Token { return Token{Payloads: PayloadsMasked} }

func defaultAMQP() AMQP { return AMQP{AuthMechanism: AuthPlain, Heartbeat: 10 * time.Second} }

func defaultFrom() From {
	return From{WindowBytes: 64 << 20, Trust: TrustBridge}
}

// defaultWindow is larger for Kafka: what is in hand there is read and written in
// fewer and larger pieces, and no queue is kept from other consumers.
func defaultWindow(b Broker) int {
	if b.Kafka != nil {
		return 8000
	}
	return 2000
}

func defaultTo() To { return To{Headers: HeadersTyped} }

// defaultShared leaves DeadLetter.Then open: it rests on the order.
func defaultShared() Shared {
	return Shared{Order: defaultOrder(), Retry: defaultRetry(), Breaker: Breaker{
		Ratio: 0.5, Min: 20, Window: 10 * time.Second, OpenFor: 15 * time.Second,
	}, Alarms: defaultAlarms()}
}

// defaultAlarms are for what nobody would otherwise see before it has grown: what
// is left lying, a hole in the data, and what is out of the ordinary at once.
func defaultAlarms() Alarms {
	return Alarms{
		DeadLetters: 1000, DeadLetterAge: 24 * time.Hour, ParkedAge: 24 * time.Hour,
		OpenSkips: 1, QuarantinedKeys: 100, UnsentEvents: 100_000,
	}
}

func defaultWebhook() Webhook { return Webhook{PerMinute: 10} }

func defaultOrder() Order {
	return Order{
		Gap:        Gap{Hold: 100 * time.Millisecond, Timeout: time.Minute, Then: Quarantine},
		Same:       Field{Kind: Body},
		Duplicates: Duplicates{Window: 24 * time.Hour},
		AdoptAfter: 2 * time.Second,
		MaxJump:    10_000,
		MaxAhead:   64,
	}
}

func defaultRetry() Retry {
	return Retry{
		Attempts: 10, Initial: 200 * time.Millisecond, Max: 30 * time.Second,
		Multiplier: 2, Jitter: 0.5, Timeout: 10 * time.Second,
	}
}
