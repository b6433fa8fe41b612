// Package regress shows the facts about Watermill that decide how the bridge is
// built, R1 to R4 and W1 to W10 of docs/promises.md: each on the stock router and
// Pub/Subs, by their public API, against real brokers, and next to it that ours
// does not have it. W4 is left out, as NATS is not in this release.
//
//	go test ./bridge/internal/regress/...
//
// The race detector finds races of the stock client when its connection is cut, so
// `make test` leaves it off here.
//
// A test says what one would expect, what happens, in which version, and which
// issue of the project tells of it, where there is one. They are written so that
// the upstream projects could take them: the part under "stock" needs but a queue
// or a topic. When one fails with "upstream has mended", that is good news, and the
// note in the docs can go.
package regress
