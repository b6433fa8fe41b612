package roulette

import (
	"context"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/demo/service"
)

// The headers of the messages.
const (
	keyHeader      = "key"
	revisionHeader = "revision"
	poisonHeader   = "poison"
)

// prefetch is what two of the players have in flight.
const prefetch = 100

// player is a service, and how far it is.
type player struct {
	name    string
	service *service.Service
	tally   tally
}

// seat has a player for each queue.
func seat(url, dir string, queues []string) (all []*player, err error) {
	for i, of := range []struct {
		name string
		service.Options
	}{
		{"nack, requeue", service.Options{}},
		{"the same, prefetch 100", service.Options{Prefetch: prefetch}},
		{"bridge", service.Options{Prefetch: prefetch, Own: true, Dir: filepath.Join(dir, "store")}},
	} {
		p := &player{name: of.name, tally: tally{done: map[string]int{}}}
		of.URL, of.Queue, of.Arguments, of.Handle = url, queues[i], arguments, p.tally.handle
		of.Key, of.Revision, of.Poison = keyHeader, revisionHeader, poisonHeader
		if p.service, err = service.New(of.Options); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func (p *player) standing(ctx context.Context) Standing {
	n, _ := p.service.Counts(ctx) // it fails when the service ends, of which Run tells
	s := Standing{Again: n.Again, Refused: n.Refused, Dead: n.Dead, Parked: n.Parked}
	s.Done, s.Early = p.tally.now()
	return s
}

// missing is how many of so many messages are not done, of any of them.
func missing(players []*player, messages int) (n int) {
	for _, p := range players {
		done, _ := p.tally.now()
		n += messages - done
	}
	return n
}

// tally is the job of the handler: it counts. No message comes to it twice, since
// all that it takes are acknowledged.
type tally struct {
	mu    sync.Mutex
	all   int
	early int
	done  map[string]int // of each key, how many
}

func (t *tally) handle(m *message.Message) error {
	rev, err := strconv.Atoi(m.Metadata.Get(revisionHeader))
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	key := m.Metadata.Get(keyHeader)
	if t.done[key] < rev-1 {
		t.early++
	}
	t.done[key]++
	t.all++
	return nil
}

func (t *tally) now() (all, early int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all, t.early
}
