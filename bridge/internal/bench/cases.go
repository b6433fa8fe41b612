package main

import "context"

// experiment is a case that is measured: by name as -case says it.
type experiment struct {
	name  string
	about string
	run   func(ctx context.Context, s *stage, p plan, ways []direction) (report, error)
}

func (e experiment) String() string { return e.name }

// report is what an experiment found: lines for people, and itself as JSON. One
// that failed may have found something before; else it has none.
type report interface{ table() string }

// experiments are all cases. Without -case it is the first.
var experiments = []experiment{
	{"raw", "the raw loop, the bridge and the peers", compare(rawAndPeers)},
	{"displaced", "the bridge, messages out of their order in the source", compare(displaced)},
	{"keys", "the bridge, fewer keys", compare(fewKeys)},
	{"many-keys", "the bridge, a store that knows many keys", compare(manyKeys)},
	{"latency", "what the bridge adds to the way of a message, at half of its rate", measureLatency},
	{"trouble", "what the other keys notice of 1 % that are quarantined, retrying or in a gap", measureTrouble},
	{"roulette", "ten poisoned among ten thousand: requeued, and on the bridge", measureRoulette},
	{"parked", "many messages that wait in the store, and their drain", measureParked},
}

// chooseCases are those that the flag asks for.
func chooseCases(flag string) ([]experiment, error) { return pick("case", flag, experiments) }
