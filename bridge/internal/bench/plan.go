package main

import (
	"errors"
	"flag"
	"fmt"
)

// plan is what is measured.
type plan struct {
	Rounds  int `json:"rounds"`
	Seconds int `json:"seconds"`
	Keys    int `json:"keys"`
	Size    int `json:"size"`
	Window  int `json:"window,omitzero"`
	Lanes   int `json:"lanes"` // that a store is seeded with, where a case asks for it

	// What cases vary.
	Draw      drawing `json:"draw,omitzero"`
	Displaced int     `json:"displaced,omitzero"` // how many places a message may be away from its own in the source
	Repeated  float64 `json:"repeated,omitzero"`  // share of messages that are there twice
	Settled   int     `json:"settled,omitzero"`   // the last revision of each key that the store knows

	By    string `json:"by,omitzero"` // what the bridge orders by; "": revision
	Order string `json:"-"`           // more settings of the order of the bridge's route
	Route string `json:"-"`           // more settings of that route

	Rate int `json:"rate,omitzero"` // of steady traffic
	Park int `json:"park"`          // messages that a case parks

	Profile string `json:"-"` // where the bridge's CPU profile goes; "": nowhere

	Messages int `json:"-"` // of a run; each contender has its own number of different ones
}

func (p *plan) flags(set *flag.FlagSet) {
	set.IntVar(&p.Rounds, "rounds", 3, "how often all run in each direction")
	set.IntVar(&p.Seconds, "seconds", 5, "how long a run takes, at least about")
	set.IntVar(&p.Keys, "keys", 1000, "over how many keys the messages are spread")
	set.IntVar(&p.Size, "size", 1024, "bytes of a message's body")
	set.StringVar(&p.Profile, "profile", "", "write a CPU profile of the bridge's last run to this file")
	set.IntVar(&p.Rate, "rate", 0, "messages per second of steady traffic, in the cases that have it; 0: half of what the bridge moves")
	set.IntVar(&p.Park, "park", 1_000_000, "how many messages wait in the store, in the case parked")
	set.IntVar(&p.Lanes, "lanes", 10_000_000, "how many keys the store knows before the run, in the case many-keys")
	set.StringVar(&p.By, "by", "", "the `order` of the bridge's route, such as arrival, none, or 'none, duplicates: off'; default by revision")
	set.IntVar(&p.Window, "window", 0, "the `window` of the bridge's source; 0: its default")
}

// check says what is wrong with it. A body has room for its number.
func (p plan) check() (err error) {
	for _, c := range []struct {
		flag       string
		value, min int
	}{
		{"rounds", p.Rounds, 1},
		{"seconds", p.Seconds, 1},
		{"keys", p.Keys, 1},
		{"size", p.Size, 8},
		{"window", p.Window, 0},
		{"rate", p.Rate, 0},
		{"park", p.Park, 1},
		{"lanes", p.Lanes, 1},
	} {
		if c.value < c.min {
			err = errors.Join(err, fmt.Errorf("-%s %d: want at least %d", c.flag, c.value, c.min))
		}
	}
	return err
}
