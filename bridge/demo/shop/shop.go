// Package shop is a small world that goes on until it is told to stop: a shop that
// sends its orders, payments, invoices and parcels through a bridge, and a ledger
// that does not take all of them. It is there to look at the console with, and to
// try there what one would do at three in the morning.
//
// The queues of the shop, the ledger and the carrier are inside the process, the
// lake is a Kafka inside the process that is spoken to as any other. The bridge,
// its store and its admin interface are the real ones.
package shop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/memory"
	"github.com/brokerbridge/bridge/bridge/config"
)

// Options are how the shop is opened. The zero value is useful.
type Options struct {
	// Listen is the address of the admin interface. Default 127.0.0.1:8321.
	Listen string
	// Rate is how many messages are sent in a second, over all routes. Default 60.
	Rate int
	// Seed decides who buys what. The same seed, the same messages.
	Seed uint64
	// Logger gets the log of the bridge. Default: it is dropped.
	Logger *slog.Logger
}

// Shop is the world. Open it with [Open]; its bridge is run by whoever has it.
type Shop struct {
	// File is the topology that is run, and Bridge what runs it.
	File   *config.File
	Bridge *bridge.Bridge

	dir     string
	rate    int
	lake    *kfake.Cluster
	kafka   *kgo.Client
	queues  *memory.Broker
	ledger  *memory.Broker
	carrier *memory.Broker
	traffic *traffic
	mend    sync.Once
}

// Open sets the world up. Nothing moves before the bridge runs and [Shop.Trade].
func Open(o Options) (*Shop, error) {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:8321"
	}
	if o.Rate <= 0 {
		o.Rate = 60
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Shop{rate: o.Rate, traffic: newTraffic(o.Seed)}
	if err := s.open(o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Shop) open(o Options) (err error) {
	if s.dir, err = os.MkdirTemp("", "bridge-shop-"); err != nil {
		return err
	}
	if s.lake, err = kfake.NewCluster(kfake.NumBrokers(1)); err != nil {
		return fmt.Errorf("start a Kafka in the process: %w", err)
	}
	if s.kafka, err = kgo.NewClient(kgo.SeedBrokers(s.lake.ListenAddrs()...)); err != nil {
		return err
	}
	text := Topology(s.lake.ListenAddrs()[0], filepath.Join(s.dir, "store"), o.Listen)
	if s.File, err = config.Parse("shop.yaml", []byte(text), nil); err != nil {
		return fmt.Errorf("the shop's topology: %w", err)
	}
	s.queues, s.ledger, s.carrier = memory.New("shop", o.Logger), memory.New("ledger", o.Logger), memory.New("carrier", o.Logger)
	s.ledger.Fail("payments", refusesCurrency)
	s.carrier.Fail("parcels", s.traffic.carrierSleeps)
	s.Bridge, err = bridge.New(s.File, bridge.Options{Logger: o.Logger, Brokers: map[string]broker.Broker{
		"shop": s.queues, "ledger": s.ledger, "carrier": s.carrier,
	}})
	return err
}

// Mend has the ledger take what it has refused.
func (s *Shop) Mend() { s.mend.Do(func() { s.ledger.Fail("payments", nil) }) }

// beat is how often messages are sent.
const beat = 50 * time.Millisecond

// forgetting is how often what was delivered is thrown away: nobody reads it, and
// it is in memory.
const forgetting = 10 * time.Second

// Trade sends messages until ctx ends.
func (s *Shop) Trade(ctx context.Context) {
	tick, forget := time.NewTicker(beat), time.NewTicker(forgetting)
	defer tick.Stop()
	defer forget.Stop()
	began, sent := time.Now(), 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-forget.C:
			s.forget(ctx)
		case now := <-tick.C:
			for due := int(now.Sub(began).Seconds() * float64(s.rate)); sent < due; sent++ {
				s.send(now)
			}
		}
	}
}

// Send sends so many messages at once.
func (s *Shop) Send(n int) {
	for range n {
		s.send(time.Now())
	}
}

func (s *Shop) send(now time.Time) {
	for _, sent := range s.traffic.next(now) {
		s.queues.Put(sent.queue, sent.message)
	}
}

// forget throws away what was delivered.
func (s *Shop) forget(ctx context.Context) {
	s.ledger.Empty("payments")
	s.carrier.Empty("parcels")
	ctx, cancel := context.WithTimeout(ctx, forgetting/2)
	defer cancel()
	lake := kadm.NewClient(s.kafka)
	if ends, err := lake.ListEndOffsets(ctx, "orders", "invoices"); err == nil {
		_, _ = lake.DeleteRecords(ctx, ends.Offsets()) // what is left goes the next time
	}
}

// Close takes the world down, after its bridge has stopped.
func (s *Shop) Close() error {
	var errs []error
	if s.Bridge != nil {
		errs = append(errs, s.Bridge.Close())
	}
	for _, b := range []*memory.Broker{s.queues, s.ledger, s.carrier} {
		if b != nil {
			errs = append(errs, b.Close())
		}
	}
	if s.kafka != nil {
		s.kafka.Close()
	}
	if s.lake != nil {
		s.lake.Close()
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}
