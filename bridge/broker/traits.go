package broker

// Traits are what an edge can do, where edges differ. Each edge declares its own
// beside its code; the suite in brokertest takes them and holds the edge to them,
// and docs/capabilities.md is made of them.
type Traits struct {
	// Window: a source has up to from.window messages in hand. Without it there is
	// one at a time.
	Window bool
	// AcksSingly: what was acknowledged does not come again, though a message before
	// it is still open. Without it the broker is told an offset.
	AcksSingly bool
	// Positions: a source writes down in the store how far it is, and so notices that
	// it was set back, cut off or created anew.
	Positions bool

	// Chunks: a target takes consecutive messages of one key together, so that all or
	// none are delivered; it is a [Chunker].
	Chunks bool
	// Idempotent: what the client sends again, because a confirm was lost, is not
	// doubled while it runs.
	Idempotent bool
	// Chooses: a target takes topic, queue or routing key from the message.
	Chooses bool
	// TellsTooLarge: a message that is too large becomes a dead letter too_large, and
	// fails alone.
	TellsTooLarge bool
}

// Trait is one of [Traits], for people.
type Trait struct {
	Of   string // source or target
	Says string
	Has  func(Traits) bool
}

// AllTraits are all of them, in the order of the struct.
var AllTraits = []Trait{
	{"source", "has a window of messages in hand, not one at a time", func(t Traits) bool { return t.Window }},
	{"source", "acknowledges each message by itself: what is settled does not come again behind one that is open", func(t Traits) bool { return t.AcksSingly }},
	{"source", "notices that it was set back, cut off or created anew", func(t Traits) bool { return t.Positions }},
	{"target", "takes chunks: consecutive messages of a key in one call, all or none", func(t Traits) bool { return t.Chunks }},
	{"target", "does not double what it sends again after a lost confirm, while it runs", func(t Traits) bool { return t.Idempotent }},
	{"target", "takes topic, queue or routing key from the message", func(t Traits) bool { return t.Chooses }},
	{"target", "tells a message that is too large, alone", func(t Traits) bool { return t.TellsTooLarge }},
}
