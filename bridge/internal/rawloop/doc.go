// Package rawloop moves messages between RabbitMQ and Kafka, in all four
// directions, with nothing but consume, publish, confirm and acknowledge: no
// order per key, no duplicate detection, no store, no retry. It is the yardstick
// of the benchmarks: what the bridge's promises cost is the distance to this
// loop.
//
// It is written to be hard to beat. From RabbitMQ: a prefetch of 2,000, and one
// acknowledgement for as long a finished prefix as there is. From Kafka: a group
// that takes whole fetches and commits the finished prefix of each partition. To
// RabbitMQ: mandatory and persistent, up to 2,000 unconfirmed, on a connection of
// its own that gathers writes. To Kafka: asynchronous, idempotent, confirmed by
// all replicas in sync. Bodies, keys, message ids and headers that are texts are
// handed over as they are, without compression, and nothing else is. (Headers
// matter: RabbitMQ moved a third less with those of the benchmark's messages.)
// Nothing is acknowledged before its confirm.
//
// The settings were chosen by runs with messages of 1 KiB without headers, six partitions, three
// to five rounds each in turns, brokers and loop on the same two cores; medians in
// messages per second, or in the loop's CPU seconds per million messages.
//
// RabbitMQ to Kafka, two series:
//
//	linger    0 ms 34,100   1 ms 35,800   2 ms 31,800   5 ms 36,500   10 ms 35,100
//	linger    0 ms 19,700   1 ms 21,300   5 ms 22,100
//	ack       at once 34,400   every 1 ms 38,500   every 5 ms 36,400
//	produce   idempotent 34,400   not idempotent, 5 requests in flight 33,300
//	read      in 4 KiB 20,700   in 64 KiB 15,600
//
// Kafka to RabbitMQ, where RabbitMQ is the limit, so that the CPU decides:
//
//	writes    one per message 11,500 (12.0 s)   gathered 14,000 (8.2 s)
//	          gathered for 200 µs 13,200 (7.8 s)
//	confirms  in order by a listener 14,000 (8.2 s)   each awaited 13,400 (7.9 s)
//	window    500 13,600 (13.6 s)   2,000 11,500 (12.0 s)   5,000 14,200 (9.7 s)
//	          2,000 gathered 14,000 (8.2 s)   5,000 gathered 14,200 (8.6 s)
//	channels  one 11,500   four 13,900   two connections, gathered 11,800
//
// Kafka to Kafka:
//
//	linger    5 ms 324,000   0 ms 402,000
//	commit    every 10 ms 363,000   every 100 ms 227,000 to 330,000   every 1 s 324,000
//	fetch     1 MiB of a partition 201,000   4 MiB 160,000
//
// One setting's rounds differ by half, and the machine was never idle: only
// acking every millisecond, gathering writes, the linger and the smaller fetch
// are more than noise. Compare only with runs of the same hour.
package rawloop
