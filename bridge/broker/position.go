package broker

import "context"

// Position is how far the consumer group of a route has come in a partition of
// a Kafka topic. It is kept in the route's own store, beside the offset that
// Kafka keeps: where the two do not fit, somebody else has read, the offset was
// reset, or the store is an old one.
type Position struct {
	Topic     string
	TopicID   [16]byte // tells a topic from another that was created under its name
	Partition int32
	// Next is written before an offset is committed: nothing at or above it was
	// ever committed by this store's route.
	Next int64
	// Committed is the last offset whose commit Kafka has confirmed; at most Next.
	Committed int64
}

// Positions keeps the positions of one route.
type Positions interface {
	// Load returns all positions of the route.
	Load(ctx context.Context) ([]Position, error)
	// Save replaces those of the same topic id and partition. They are durable
	// when it returns nil.
	Save(ctx context.Context, positions ...Position) error
}
