// Package policies decides what becomes of a failed message: tried again, after
// growing pauses and a bounded number of times; kept back while the target is
// away; or given up as a dead letter that tells its whole story.
//
// # Whose fault it is
//
// Everything follows from the [Class] of an error, which whoever fails may say
// ([As], [Because]):
//
//   - [Transient], the default: this message, this time. It spends a try.
//   - [Permanent]: this message, always. It is given up at once, unless a [Rule]
//     says otherwise.
//   - [Unavailable]: the target's fault, for everybody. An outage is not poison:
//     no try is spent and nothing is given up, however long it lasts.
//   - [Interrupted]: the process is stopping. As if never tried.
//
// # In a Watermill router
//
// Each policy is a struct with a Middleware method. From the outside in:
//
//	router.AddConsumerHandler("orders", "orders", subscriber, handle).AddMiddleware(
//		policies.DeadLetter{Publisher: publisher, Topic: "orders.dlq"}.Middleware,
//		policies.Retry{}.Middleware,
//		breaker.Middleware, // policies.NewBreaker(policies.BreakerConfig{Name: "billing"})
//		policies.Recover{}.Middleware,
//	)
//
// Publish inside the handler, with a publisher of your own. What a handler
// returns for the router to publish leaves after every middleware is done: if
// that publish fails, no policy sees it, here or anywhere.
//
// The source must bear waiting. Retry keeps a message unacknowledged during its
// pauses, and for as long as the target is away; a broker that limits how long a
// delivery may stay unacknowledged (RabbitMQ: 30 minutes by default) needs that
// limit above your longest outage.
//
// # Inside the bridge
//
// The same policies work on batches ([Batch]) and never sleep there: they end in
// a [Verdict] that says what is to become of each message and when, and whoever
// owns the message waits, parks it, or writes the dead letter.
package policies
