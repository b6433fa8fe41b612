package main

import (
	"fmt"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
)

// crowd is messages that are sent, checked and timed together. It takes its keys
// in turns, so that a number tells key and revision.
type crowd struct {
	plan
	name    string // its keys begin with it
	base    int    // its lowest number at the target
	way     string // the routing key that leads to the target, if that is an exchange
	rare    int    // of so many keys one may be in trouble; 0: none
	trouble trouble

	each  func(i int, m *load.Message) // changes the i-th; nil: none is changed
	heard func(i int, at time.Time)    // of each arrival, under the lock of the sink; nil: nobody

	// What has arrived, under the lock of its sink.
	seen    *seen
	found   measure // but for what is missing
	here    int
	periods []*load.Period
}

// expect makes it ready to arrive.
func (c *crowd) expect() *crowd {
	c.seen = newSeen(c.plan)
	for i := range c.Messages {
		if c.lost(i) {
			c.seen.missing--
		}
	}
	return c
}

// message is the i-th; false: it is not sent.
func (c *crowd) message(i int) (load.Message, bool) {
	m := load.Message{
		Number: c.base + i, Key: fmt.Sprintf("%s-%d", c.name, i%c.Keys),
		Revision: int64(i/c.Keys) + 1, Way: c.way, Size: max(c.Size, load.MinSize),
	}
	if i < c.Keys && c.lost(i) {
		return m, c.trouble.first(&m)
	}
	if c.each != nil {
		c.each(i, &m)
	}
	return m, true
}

// chosen says whether a message's key may be in trouble. Such keys are never
// timed, so that runs with and without trouble compare the same keys.
func (c *crowd) chosen(i int) bool { return c.rare > 0 && i%c.Keys%c.rare == c.rare-1 }

// lost says whether a message never arrives: its key is in trouble from its first
// message on.
func (c *crowd) lost(i int) bool { return c.trouble.first != nil && c.chosen(i) }

// owns says whether a number at the target is one of its own.
func (c *crowd) owns(number int) bool { return number >= c.base && number < c.base+c.Messages }

func (c *crowd) note(a load.Arrival) {
	i := a.Number - c.base
	if c.lost(i) {
		c.found.Breaks++ // it follows what did not arrive
		return
	}
	c.here++
	if c.heard != nil {
		c.heard(i, a.At)
	}
	c.seen.note(i, a.At, &c.found)
	if c.chosen(i) {
		return
	}
	for _, p := range c.periods {
		p.Note(a)
	}
}

// outcome is what the check has found so far.
func (c *crowd) outcome() measure {
	m := c.found
	m.Missing = c.seen.missing
	return m
}
