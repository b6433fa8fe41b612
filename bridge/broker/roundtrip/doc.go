// Package roundtrip holds tests in which messages cross from one broker to the
// other and back, over the real edges and real brokers: what docs/mapping.md
// says comes back is compared with what was sent.
package roundtrip
