package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// peer is what others use in the bridge's place.
type peer struct {
	name       string // as the flag says it
	contenders []contender
	moves      func(direction) bool
	ready      func(*stage) error // fetches what it needs; nil: nothing
}

func (p peer) String() string { return p.name }

var peers = []peer{
	{name: "watermill", contenders: []contender{watermill}, moves: func(direction) bool { return true }},
	{name: "shovel", contenders: []contender{shovelTCP, shovelDirect}, moves: only(rabbitMQ), ready: enableShovel},
	{name: "mirrormaker", contenders: []contender{mirrorMaker}, moves: only(kafka), ready: fetchMirrorMaker},
}

// only is for those that know one kind.
func only(k kind) func(direction) bool {
	return func(way direction) bool { return way == direction{k, k} }
}

// choosePeers are those that the flag asks for.
func choosePeers(flag string) ([]peer, error) {
	if flag == "" {
		return nil, nil
	}
	return pick("peers", flag, peers)
}

// contenders are who runs in a direction, the raw loop first.
func contenders(way direction, chosen []peer) []contender {
	all := []contender{rawLoop, theBridge}
	for _, p := range chosen {
		if !p.moves(way) {
			continue
		}
		for _, c := range p.contenders {
			c.peer = true
			all = append(all, c)
		}
	}
	return all
}

// prepare fetches what the peers need that have something to move.
func (s *stage) prepare(ways []direction, chosen []peer) error {
	for _, p := range chosen {
		if p.ready == nil || !slices.ContainsFunc(ways, p.moves) {
			continue
		}
		if err := p.ready(s); err != nil {
			return fmt.Errorf("peer %s: %w", p.name, err)
		}
	}
	return nil
}

// brokersScript runs scripts/brokers, and returns what it prints.
func brokersScript(args ...string) (string, error) {
	cmd := exec.Command(filepath.Join(rig.Root(), "scripts", "brokers"), args...)
	var words strings.Builder
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("scripts/brokers %s: %w\n%s%s", args[0], err, words.String(), out)
	}
	return strings.TrimSpace(string(out)), nil
}
