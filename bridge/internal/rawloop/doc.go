// Package rawloop moves messages from RabbitMQ to Kafka with nothing but
// consume, publish, confirm and acknowledge: no order per key, no duplicate
// detection, no store, no retry. It is the yardstick of the benchmarks: what
// the bridge's promises cost is the distance to this loop.
//
// It is written to be hard to beat: a prefetch of 2,000, asynchronous produce,
// and one acknowledgement for as long a finished prefix as there is. Bodies and
// keys are handed over as they are, without compression.
//
// The settings were chosen by runs of 60,000 persistent messages of 1 KiB to
// six partitions, three rounds each, brokers and loop on the same two cores;
// medians in messages per second:
//
//	linger    0 ms 34,100   1 ms 35,800   2 ms 31,800   5 ms 36,500   10 ms 35,100
//	ack       at once 34,400   every 1 ms 38,500   every 5 ms 36,400
//	produce   idempotent 34,400   not idempotent, 5 requests in flight 33,300
//
// One setting's rounds differ by up to 30 %, and the machine was not idle, so
// linger and idempotence cannot be told from noise; acking every millisecond
// was best in each round. Compare only with runs of the same hour.
package rawloop
