// Package load is steady traffic through a queue or a topic: messages that are
// sent on a fixed schedule, whatever becomes of them, and a consumer at the other
// side that knows how long each was under way.
//
// Each message carries the moment at which it was to be sent, not that at which
// it was. So a sender that was held up makes its messages late, as it would a
// user's, and no delay is left out because nobody asked meanwhile (coordinated
// omission).
//
// A sender asks for no confirms: what it sends is counted where it arrives.
package load
