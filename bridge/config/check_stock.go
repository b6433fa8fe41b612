package config

// stockBroker reports what Watermill's stock client cannot do with a broker.
func (c checker) stockBroker(b Broker) {
	switch {
	case b.Client != ClientWatermill:
	case b.Memory != nil:
		c.Add(b.Path+".client", "a memory broker has no other client", "leave client out")
	case b.AMQP != nil && b.AMQP.AuthMechanism == AuthExternal:
		c.Add(b.Path+".amqp.auth_mechanism", "the stock client logs in with plain only", "client: bridge")
	case b.Kafka != nil && b.Kafka.SASL != nil && b.Kafka.SASL.Mechanism != Plain && b.Kafka.SASL.Mechanism != "":
		c.Add(b.Path+".kafka.sasl.mechanism", "the stock client logs in with plain only", "client: bridge")
	}
}

// stockIdle are the settings of a source that would be ignored, and why.
var stockIdle = []struct{ setting, why string }{
	{"window", "the stock client has one message in flight per queue or partition"},
	{"window_bytes", "the stock client has one message in flight per queue or partition"},
	{"protocol", "the stock client knows protocol classic only"},
}

// stockSource reports settings that the stock client cannot keep.
func (c checker) stockSource(f From) {
	for _, idle := range stockIdle {
		if c.Has(f.Path+"."+idle.setting) && (idle.setting != "protocol" || f.Protocol != ProtocolClassic) {
			c.Add(f.Path+"."+idle.setting, idle.why, "leave it out, or client: bridge")
		}
	}
	if f.Start != (Start{}) {
		c.Add(f.Path+".start", "the stock client does not write down where it began: after a restart it would pass over what came meanwhile",
			"start: earliest, or client: bridge")
	}
}

// stockTarget reports settings that the stock client cannot keep.
func (c checker) stockTarget(t To) {
	if t.Exchange != "" {
		c.Add(t.Path+".exchange", "the stock client does not tell what an exchange routes to no queue, and it would be lost",
			"a queue, or client: bridge")
	}
	if t.OriginQueue() {
		c.Add(t.Path+".queue", "the stock client publishes to a queue with a fixed name only", "client: bridge")
	}
	if !t.Topic.IsZero() && !t.Topic.IsFixed() {
		c.Add(t.Path+".topic", "the stock client publishes to a topic with a fixed name only", "client: bridge")
	}
	if path := t.Path + ".headers"; c.Has(path) && !c.Faulty(path) && c.Source(path) != string(HeadersText) {
		c.Add(path, "the stock client writes headers as text", "headers: text, or client: bridge")
	}
}

// stockRoute reports what a route that reads through the stock client cannot have.
func (c checker) stockRoute(r *Route) {
	if r.Order.Adopt && c.readsStock(r) {
		c.add(r, "order.first", "adopt holds what comes first, and the stock client brings nothing more meanwhile",
			"a number, or client: bridge")
	}
}
