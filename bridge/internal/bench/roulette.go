package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/brokerbridge/bridge/bridge/demo/service"
)

// The game: so many messages, of which a few are poisoned, at a fixed rate, which
// all players can keep up with. The cause is mended some seconds after the last.
const (
	inGame       = 10_000
	poisoned     = 10
	rouletteRate = 400
	mendedAfter  = 15
)

// errWay says that the game is played in one direction.
var errWay = errors.New("this case goes from rabbitmq to kafka only")

// game is one kind of poison, and who is measured on it.
type game struct {
	Name    string   `json:"name"`
	Players []player `json:"players"`

	poison any  // the header of a poisoned message
	mend   bool // the cause can be mended from outside
	who    []contender
}

// player is all rounds of a contender.
type player struct {
	Name string `json:"name"`
	Runs []spin `json:"runs"`
}

// roulette is ten messages that cannot be processed among ten thousand.
type roulette struct {
	Rate  float64 `json:"rate"`  // messages per second
	Sent  int     `json:"sent"`  // messages, the poisoned ones counted
	After float64 `json:"after"` // seconds after the first message when the cause is mended
	Games []game  `json:"games"`

	enough func(service.Counts) bool // mends the cause before that; nil: nothing does
}

func measureRoulette(ctx context.Context, s *stage, p plan, ways []direction) (report, error) {
	way := direction{rabbitMQ, kafka}
	if !slices.Contains(ways, way) {
		return nil, errWay
	}
	rate := float64(rouletteRate)
	if p.Rate > 0 {
		rate = float64(p.Rate)
	}
	r := &roulette{Rate: rate, Sent: inGame, After: inGame/rate + mendedAfter, Games: games()}
	if _, err := s.spin(ctx, p, way, &r.Games[0], r, r.Games[0].who[0]); err != nil { // the brokers warm up
		return nil, err
	}
	for round := range p.Rounds {
		for i := range r.Games {
			if err := r.play(ctx, s, p, way, &r.Games[i], round); err != nil {
				return r, fmt.Errorf("%s: %w", r.Games[i].Name, err)
			}
		}
	}
	fmt.Println("\n" + r.table())
	return r, nil
}

// play is a round of a game. Each round begins with another player.
func (r *roulette) play(ctx context.Context, s *stage, p plan, way direction, g *game, round int) error {
	for i := range g.who {
		at := (round + i) % len(g.who)
		got, err := s.spin(ctx, p, way, g, r, g.who[at])
		if err != nil {
			return fmt.Errorf("%s: %w", g.who[at].name, err)
		}
		fmt.Printf("%5d  %s: %s\n", round+1, g.Name, got.line(g.who[at].name))
		g.Players[at].Runs = append(g.Players[at].Runs, got)
	}
	return nil
}

// isPoisoned spreads the poisoned ones over the messages and over the keys.
func (r *roulette) isPoisoned(i int) bool {
	every := r.Sent / poisoned
	j := i / every
	return i == j*every+every/2+7*j*r.Sent/inGame
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
