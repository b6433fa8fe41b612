package config

import "slices"

// GivenUp lists what a loaded file gives up: where a broker has Watermill's stock
// client, and where any certificate is accepted, at the place where it says so. It
// is no fault: the file runs. Each line of the stock client names a promise or a
// fact of docs/promises.md.
func GivenUp(f *File) Faults {
	var out Faults
	for _, b := range f.Brokers {
		out = append(out, f.unverified(b)...)
		if b.Client != ClientWatermill {
			continue
		}
		reads, writes := f.uses(b.Name)
		for _, g := range givenUp {
			if (g.kind == "" || g.kind == b.Kind()) && (g.reads && reads || g.writes && writes) {
				out = append(out, f.Fault(b.Path+".client", g.what, ""))
			}
		}
	}
	return out
}

// unverified is what a broker gives up that may show any certificate.
func (f *File) unverified(b Broker) (out Faults) {
	for kind, tls := range map[string]*TLS{".amqp.tls": amqpTLS(b), ".kafka.tls": kafkaTLS(b)} {
		if tls != nil && tls.InsecureSkipVerify {
			out = append(out, f.Fault(b.Path+kind+".insecure_skip_verify",
				"any certificate is accepted: whoever stands between can read and change everything", "tls.ca says whom to trust"))
		}
	}
	return out
}

// givenUp is what the stock clients do not keep, by the kind of broker (empty:
// both), for the routes that read from it and those that write to it.
var givenUp = []struct {
	kind          Kind
	reads, writes bool
	what          string
}{
	{"", true, false, "I6, W9: one message is in flight per queue or partition, so they go one after the other, and one without an answer stops those behind it; routes that read here park at once what waits, whatever gap.hold says"},
	{KindAMQP, true, false, "I5, W1: headers that the client cannot read (over 8192 entries, nested over 32 deep) end the connection each time they come, once a second, and make no dead letter"},
	{KindAMQP, false, true, "I1, W2: the client does not tell of a message that no queue takes; the queue is looked for after each batch instead, and an exchange is refused"},
	{KindAMQP, false, true, "I8, W3: an alarm of RabbitMQ is not named; a publish has no answer until it is over"},
	{KindAMQP, false, true, "I8: a message that RabbitMQ refuses for itself looks like an outage, and holds its key until somebody removes it"},
	{KindKafka, true, false, "I1, W7: a group that was set back, records that were deleted before they were read and a topic that was created anew are not noticed"},
	{KindKafka, true, false, "I8, W7: a message that is not acknowledged stays with its partition until it is, also when that was given to another"},
	{KindKafka, true, true, "a password that was changed in its file is used when the client begins anew; the bridge's own client reads it for each connection"},
	{KindKafka, false, true, "a record over 1 MB is a dead letter too_large, whatever the topic takes"},
	{"", false, true, "I9, W10: headers are written as text; their types travel in bridge-amqp"},
}

// uses reports whether routes read from a broker, and whether they write to it.
func (f *File) uses(broker string) (reads, writes bool) {
	for _, r := range f.Routes {
		reads = reads || slices.ContainsFunc(r.From, func(from From) bool { return from.Broker == broker })
		writes = writes || r.To.Broker == broker || r.DeadLetter.To != nil && r.DeadLetter.To.Broker == broker ||
			r.Events.To != nil && r.Events.To.Broker == broker
	}
	return reads, writes
}

// readsStock reports whether a source of the route is read by the stock client.
func (f *File) readsStock(r *Route) bool {
	return slices.ContainsFunc(r.From, func(from From) bool {
		b, _ := f.Broker(from.Broker)
		return b.Client == ClientWatermill
	})
}
