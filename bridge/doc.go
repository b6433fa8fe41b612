// Package bridge runs a topology: it turns what the file says into routes and
// keeps them running.
//
// # The path of a message
//
// The whole path is the expression in [route.chain]:
//
//	source ─► carrier ─► Router ─► take ─► ordering ─► retry ─► breaker ─► recover ─► target
//	                                          │
//	                                        store ◄─ admin API ◄─ command line
//
// A source's edge gathers deliveries into a carrier, one Watermill message that
// transports a batch. The route's router hands it to ordering, which identifies
// each message, steps the lane of its key, and passes on whatever may leave. The
// policies turn an error into a verdict; ordering acts on it. What is confirmed
// is committed, what is committed is acknowledged: publish, checkpoint, ack, in
// this order and no other.
//
// There is a router per route, so that a route that fails is restarted alone.
//
// # What a crash costs
//
//	between                        on restart                               cost
//	arrival and publish            delivered again, or parked               nothing
//	publish and checkpoint         published again, same message id         up to max_ahead duplicates per key
//	checkpoint and ack             delivered again, dropped as duplicate    nothing
//	park commit and ack            delivered again, already parked          nothing
//	dead-letter commit and ack     delivered again, already settled         nothing
//
// # Who starts goroutines
//
// [Bridge.Run] starts one per route; a route starts its router, its Resequencer
// and its watcher, and waits for them. The edges own theirs and end them in
// Close.
package bridge
