// Package e2e runs the bridge as its users do, the binary with a topology file,
// between a real RabbitMQ and a real Kafka, and holds what comes out against
// what went in.
//
// A test starts a [Bridge], feeds its queue, does something terrible, waits until
// all has settled, and lets package journal judge. The tests are named after the
// promise, fact or fault they guard. With BRIDGE_TEST_FULL set they run with more
// messages and more rounds.
package e2e
