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

	Profile string `json:"-"` // where the bridge's CPU profile goes; "": nowhere

	Messages int `json:"-"` // of a run; each contender has its own number
}

func (p *plan) flags(set *flag.FlagSet) {
	set.IntVar(&p.Rounds, "rounds", 3, "how often all run in each direction")
	set.IntVar(&p.Seconds, "seconds", 5, "how long a run takes, at least about")
	set.IntVar(&p.Keys, "keys", 1000, "over how many keys the messages are spread")
	set.IntVar(&p.Size, "size", 1024, "bytes of a message's body")
	set.StringVar(&p.Profile, "profile", "", "write a CPU profile of the bridge's last run to this file")
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
	} {
		if c.value < c.min {
			err = errors.Join(err, fmt.Errorf("-%s %d: want at least %d", c.flag, c.value, c.min))
		}
	}
	return err
}
