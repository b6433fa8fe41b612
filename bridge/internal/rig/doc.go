// Package rig gives tests and benchmarks real brokers: their addresses, queues
// and topics that clean up after themselves, quick ways to fill and read them,
// and the means to stop and kill a broker.
//
// A test that needs a broker gets one or fails; it is never skipped. Where
// nothing answers, rig runs scripts/brokers up, once for all test processes.
// A package whose tests import rig is thereby known to need brokers: `make
// test-unit` leaves it out.
package rig
