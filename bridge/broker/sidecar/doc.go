// Package sidecar carries through text headers what AMQP or Kafka can say and
// they cannot: the types of header values, nested tables, nulls, properties, the
// key of a record, and headers that repeat.
//
// Each header that can be a text is one, readable by anybody. Everything else
// travels in one more header, as compact JSON: bridge-amqp for a delivery,
// bridge-kafka for a record.
//
// # bridge-amqp
//
//	{"exchange":"shop","routing-key":"orders",      always
//	 "content-type":"text/plain","delivery-mode":2, properties that are set, as AMQP spells them
//	 "types":{"retries":"I"},                       types of text headers that were no strings
//	 "values":{"x-death":{"A":[…]}}}                headers that have no text
//
// A table that could not be read at all is "headers", its bytes in base64.
//
// A type is the letter that AMQP puts on the wire. A value is a JSON string for
// a string, null for void, and otherwise an object of one letter: {"I":-5},
// {"t":true}, {"T":seconds}, {"x":base64}, {"D":[scale,value]}, {"A":[…]},
// {"F":{…}}, {"d":"bits in hex"} for what is not finite, {"S":base64} for a
// string that is not UTF-8. A name that is not UTF-8, or that begins with
// base64:, is written base64:….
//
// A type says nothing about the value: the text does. So whoever edits a text
// header has edited the message, and a type that its text no longer fits is
// ignored. It also makes the sidecar of most queues the same for every message.
//
// # bridge-kafka
//
//	{"topic":"orders","partition":3,"offset":1234,  always
//	 "timestamp":1700000000000,                     in milliseconds; absent: the record has none
//	 "key":"cart-7",                                absent: null
//	 "names":["trace","trace","deleted"],           of all headers in order, if they are not ascending
//	 "values":{"trace":["1","2"],"deleted":[null]}} of names that repeat or are null
//
// The text of a header is its last value; if that is null, it has none. The
// values of a name count while the last of them is still its text. What is not
// UTF-8 is written as in bridge-amqp.
package sidecar
