// Package pubsub makes Watermill publishers and subscribers of the bridge's
// edges, for routers of your own.
//
// What the edges keep in the bridge they keep here: several messages in flight,
// so that one that waits does not block those behind it; confirms that are
// awaited; messages that no decoder can stop; properties and types in a sidecar
// header ([broker.Property], [broker.RecordKey]). A message that is nacked is not
// given back to the broker: it comes again in this process, after a pause that
// grows, for as long as the subscription lasts.
//
//	shop := amqp.New("shop", config.AMQP{URL: url}, logger)
//	subscriber := pubsub.NewSubscriber(shop, func(queue string) config.From {
//		return config.From{Queue: queue, Window: 200}
//	}, pubsub.Options{})
//	router.AddConsumerHandler("orders", "orders", subscriber, handle)
//
// With a window of 1 messages come in the order of their queue or partition, the
// next one when the last is acknowledged.
package pubsub
