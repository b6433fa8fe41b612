package config

import "slices"

// Unavailable lists the settings of a loaded file that this release cannot run
// yet, in the order of the table below. Whoever runs the file refuses it when
// there are any: a setting that is accepted and ignored would be a broken
// promise.
func Unavailable(f *File) Faults {
	var out Faults
	for _, row := range later {
		for _, path := range row.uses(f) {
			out = append(out, f.Fault(path, "not in this release: "+row.what, row.instead))
		}
	}
	return out
}

// later is what the grammar knows and the runtime does not. Delete a row when
// the runtime learns it.
var later = []struct {
	what, instead string
	uses          func(*File) []string // where the file uses it
}{
	{
		"Watermill's stock client", "leave client out",
		perBroker(".client", func(b Broker) bool { return b.Client == ClientWatermill }),
	},
	{
		"Kafka as a source", "",
		perSource(".broker", func(b Broker, _ From) bool { return b.Kafka != nil }),
	},
	{
		"trust: none", "",
		perSource(".trust", func(_ Broker, f From) bool { return f.Trust == TrustNone }),
	},
	{
		"RabbitMQ as a target", "",
		perRoute(".to.broker", func(f *File, r Route) bool {
			b, _ := f.Broker(r.To.Broker)
			return b.AMQP != nil
		}),
	},
	{
		"a topic taken from the message", "a fixed name",
		perRoute(".to.topic", func(_ *File, r Route) bool { return !r.To.Topic.IsZero() && !r.To.Topic.IsFixed() }),
	},
	{
		"a record key other than the key of the order", "leave key out",
		perRoute(".to.key", func(_ *File, r Route) bool { return !slices.Equal(r.To.Key, r.Order.Key) }),
	},
	{
		"headers: text", "",
		perRoute(".to.headers", func(_ *File, r Route) bool { return r.To.Headers == HeadersText }),
	},
	{
		"an order other than by: revision", "by: revision",
		perRoute(".order.by", func(_ *File, r Route) bool { return r.Order.By != ByRevision }),
	},
	{
		"forget_after", "",
		perRoute(".order.forget_after", func(_ *File, r Route) bool { return r.Order.ForgetAfter > 0 }),
	},
	{
		"when", "filter in the broker, with a binding",
		perRoute(".when", func(_ *File, r Route) bool { return len(r.When) > 0 }),
	},
	{
		"retry rules", "",
		perRoute(".retry.rules", func(_ *File, r Route) bool { return len(r.Retry.Rules) > 0 }),
	},
	{
		"a queue or topic for dead letters", "they are in the store",
		perRoute(".dead_letter.to", func(_ *File, r Route) bool { return r.DeadLetter.To != nil }),
	},
	{
		"stop_after", "",
		perRoute(".dead_letter.stop_after", func(_ *File, r Route) bool { return !r.DeadLetter.StopAfter.IsZero() }),
	},
	{
		"owner", "",
		perRoute(".owner", func(_ *File, r Route) bool { return r.Owner != "" }),
	},
}

func perBroker(setting string, uses func(Broker) bool) func(*File) []string {
	return func(f *File) (paths []string) {
		for _, b := range f.Brokers {
			if uses(b) {
				paths = append(paths, b.Path+setting)
			}
		}
		return paths
	}
}

func perSource(setting string, uses func(Broker, From) bool) func(*File) []string {
	return func(f *File) (paths []string) {
		for _, r := range f.Routes {
			for _, from := range r.From {
				if b, _ := f.Broker(from.Broker); uses(b, from) {
					paths = append(paths, from.Path+setting)
				}
			}
		}
		return paths
	}
}

// perRoute names the setting in the route, or in the defaults when only they
// have it, once.
func perRoute(setting string, uses func(*File, Route) bool) func(*File) []string {
	return func(f *File) (paths []string) {
		shared := false
		for _, r := range f.Routes {
			if !uses(f, r) {
				continue
			}
			_, own := f.places[r.Path+setting]
			_, inherited := f.places["defaults"+setting]
			switch {
			case own || !inherited:
				paths = append(paths, r.Path+setting)
			case !shared:
				paths, shared = append(paths, "defaults"+setting), true
			}
		}
		return paths
	}
}
