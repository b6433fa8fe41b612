package amqp

import (
	"errors"
	"testing"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
)

func TestPrefetchFollowsTheSize(t *testing.T) {
	s := newSource(New("b", config.AMQP{}, nil), config.From{Queue: "q", WindowBytes: 1 << 20}, broker.SourceOptions{})
	for _, c := range []struct {
		size       int64
		times      int
		fits, over int
	}{
		{0, 0, firstPrefetch, firstPrefetch},            // nothing is known
		{100, sample, defaultWindow, defaultWindow},     // small: the window counts
		{100_000, 2000, 7, 7},                           // large: the bytes do, three quarters of them
		{1 << 30, 2000, 1, 1},                           // larger than the window: one at a time
		{100, 5000, defaultWindow - 500, defaultWindow}, // and back
	} {
		for range c.times {
			s.mean.add(c.size)
		}
		if got := s.fits(); got < c.fits || got > c.over {
			t.Errorf("after %d of %d bytes: %d fit, want %d to %d", c.times, c.size, got, c.fits, c.over)
		}
	}
}

func TestChokeHasHysteresisAndALimit(t *testing.T) {
	s := newSource(New("b", config.AMQP{}, nil), config.From{Queue: "q", WindowBytes: 100}, broker.SourceOptions{})
	tap := &tap{Source: s, link: &link{line: newLine(nopConn{})}}
	for i, c := range []struct {
		open   int
		bytes  int64
		choked bool
		err    error
	}{
		{5, 99, false, nil},
		{5, 100, true, nil},
		{4, 51, true, nil},
		{4, 50, false, nil},
		{1, 1000, true, nil}, // one message larger than the window must get through
		{0, 0, false, nil},
		{2, 201, false, errFlood},
	} {
		err := tap.choke(c.open, c.bytes)
		if tap.choked != c.choked || !errors.Is(err, c.err) {
			t.Errorf("step %d: choked %v (%v), want %v (%v)", i, tap.choked, err, c.choked, c.err)
		}
	}
}
