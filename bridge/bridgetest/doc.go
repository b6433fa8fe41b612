// Package bridgetest tests a Watermill service that embeds the ordering
// middleware: a [Source] hands messages out as brokers do on a bad day, and a
// [Target] says whether they came in order, once, and all of them.
//
//	source := bridgetest.NewSource(bridgetest.Options{Shuffle: 20, Duplicates: 0.1})
//	target := bridgetest.NewTarget(source, bridgetest.Rules{})
//	router.AddConsumerHandler("orders", "orders", source, target.Handler(handle)).
//		AddMiddleware(resequencer.Middleware)
//	…
//	if err := target.Await(ctx); err != nil {
//		t.Fatal(err)
//	}
//	target.Check(t)
//
// # What a Source does
//
//  1. It hands out in the order that its seed gives, shuffled and doubled as
//     [Options] say: the same seed, the same order. Each failure names the seed.
//  2. What is nacked comes again, before all that has not been handed out yet.
//  3. What was not acknowledged when a subscription ended comes to the next one:
//     after its context, or, as after a crash, after [Source.Restart].
//  4. What was dropped opens a gap, until [Source.SendDropped] fills it.
//
// # What a Target checks
//
// Per key first deliveries rise by one, from the lowest revision the Source has;
// no key gets more repetitions than [Rules] allow; nothing came that was never
// sent; and what was sent was delivered. With a store in the Rules it may instead
// be a dead letter, skipped, or parked behind one of these or behind what was
// dropped. It looks from outside: it cannot see an acknowledgement that came too
// early, but for what is lost by it when the service is restarted.
package bridgetest
