// Package stock is the edge over Watermill's own clients: a broker section with
// client: watermill. What the topology asks of a source or a target is kept as far
// as the stock subscriber and publisher let it, on watermill-amqp for RabbitMQ and
// watermill-kafka (sarama) for Kafka.
//
// # What is the bridge's here
//
//   - Messages are mapped as the bridge's own edges do it, through the marshalers
//     that the clients take: no header fails to decode (W1), properties and record
//     keys travel (W10). Headers are written as text, with Watermill's id header
//     beside bridge-message-id.
//   - RabbitMQ confirms each publish (W5), and the queue is looked for after the
//     confirms and before they count: the client says nothing of a message that no
//     queue takes (W2).
//   - Kafka gets acks from all in-sync replicas, an idempotent producer, and the
//     partition of murmur2, which is not sarama's default. Groups begin at the
//     earliest offset.
//   - The source of an ordered route looks whether it is alone, before it reads and
//     every ten seconds.
//   - Nothing is nacked while the client runs. It returns to RabbitMQ what is in
//     flight when it is closed.
//
// # What is not
//
//   - One message is in flight per queue or partition (W9): whatever is held in
//     memory stops those behind it. Routes from such a source park at once
//     (order.gap.hold is 0).
//   - An exchange cannot be a target: what it routes nowhere would be lost (W2).
//   - Why a publish has no answer is not known: an alarm of RabbitMQ (W3), a queue
//     that is full and a message that RabbitMQ refuses for itself look alike, as
//     unavailable.
//   - Kafka offsets are those of the group alone: a group that was set back, records
//     that were deleted before they were read, and a topic that was created anew are
//     not noticed (W7). A record over 1 MB is too large, whatever the topic takes.
//   - An end at RabbitMQ that is closed while it is not connected leaves a goroutine
//     of the client behind.
//   - A table of headers that amqp091-go cannot read ends the connection, once a second,
//     and never makes a dead letter (the rest of W1).
//
// # The suite
//
// The targets run all of brokertest, on RabbitMQ without exchanges. The cases of
// sources that have several messages in hand cannot be kept with one in flight;
// those of them that mean something for one message have a counterpart in
// source_test.go. What cuts connections to RabbitMQ runs without the race detector
// only (lost_test.go): the client's connection writes a field that its users read,
// without a lock, when it is lost.
package stock
