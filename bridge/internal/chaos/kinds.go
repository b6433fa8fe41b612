package main

import (
	"context"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/faultnet"
)

// kind is a kind of fault.
type kind struct {
	name   string
	hits   string // what two faults do not hit at once; one of the words below
	weight int    // how often it comes, beside the others
	least  time.Duration
	most   time.Duration

	// begin does it, end takes it back. An error says that the harness could not:
	// it is no violation, and ends the run.
	begin func(context.Context, *world, fault) error
	end   func(context.Context, *world, fault) error

	// rest is how long what it hit is left alone afterwards.
	rest time.Duration
	// away: it takes a broker away, so that /readyz has to say so in time.
	away bool
}

// What faults hit.
const (
	rabbit     = "rabbitmq"
	kafka      = "kafka"
	rabbitWire = "wire to rabbitmq"
	kafkaWire  = "wire to kafka"
	process    = "bridge"
	disk       = "disk"
)

// settling is how long RabbitMQ may take until what it was told of its queues and
// policies survives a kill -9.
const settling = 4 * time.Second

const second = time.Second

// allKinds is the catalogue.
func allKinds() []*kind {
	return append([]*kind{
		{name: "rabbitmq restart", hits: rabbit, weight: 1, least: 0, most: 2 * second, begin: broker("stop"), end: broker("start"), away: true},
		{name: "rabbitmq kill -9", hits: rabbit, weight: 1, least: 0, most: 3 * second, begin: killRabbit, end: broker("start"), away: true},
		{name: "rabbitmq stopped (SIGSTOP)", hits: rabbit, weight: 2, least: second, most: 6 * second, begin: freeze, end: thaw},
		{name: "rabbitmq memory alarm", hits: rabbit, weight: 1, least: second, most: 4 * second, begin: ctl("set_vm_memory_high_watermark", "0.00001"), end: ctl("set_vm_memory_high_watermark", "0.4")},
		{name: "rabbitmq disk alarm", hits: rabbit, weight: 1, least: second, most: 4 * second, begin: ctl("set_disk_free_limit", "999GB"), end: ctl("set_disk_free_limit", "50MB")},
		{name: "target queue deleted", hits: rabbitWire, weight: 2, least: 0, most: 4 * second, begin: deleteTargetQueue, end: makeQueue},
		{name: "target queue refuses", hits: rabbit, weight: 1, least: second, most: 4 * second, begin: refuseQueue, end: allowQueue, rest: settling},
		{name: "source queue deleted", hits: rabbit, weight: 1, least: 0, most: 3 * second, begin: deleteSourceQueue, end: makeSourceQueue, rest: settling},

		{name: "kafka restart", hits: kafka, weight: 1, least: 0, most: 2 * second, begin: broker("stop"), end: broker("start"), away: true},
		{name: "kafka kill -9", hits: kafka, weight: 2, least: 0, most: 4 * second, begin: broker("kill"), end: broker("start"), away: true},
		{name: "kafka stopped (SIGSTOP)", hits: kafka, weight: 2, least: second, most: 6 * second, begin: freeze, end: thaw},
		{name: "kafka throttles a target", hits: kafka, weight: 1, least: second, most: 4 * second, begin: throttle, end: unthrottle},
		{name: "target topic deleted", hits: kafkaWire, weight: 1, least: 0, most: 3 * second, begin: deleteTopic, end: makeTopic},
		{name: "rebalance storm", hits: kafka, weight: 2, least: 2 * second, most: 5 * second, begin: startStorm, end: endStorm},

		{name: "bridge kill -9", hits: process, weight: 4, least: 0, most: second, begin: killBridge, end: runBridge},
		{name: "bridge SIGTERM", hits: process, weight: 3, least: 0, most: second, begin: stopBridge, end: runBridge},
		{name: "bridge stopped (SIGSTOP)", hits: process, weight: 2, least: second, most: 6 * second, begin: freezeBridge, end: thawBridge},
		{name: "disk full", hits: disk, weight: 2, least: second, most: 4 * second, begin: fillDisk, end: freeDisk},
		{name: "disk hangs", hits: disk, weight: 2, least: second, most: 5 * second, begin: freezeDisk, end: thawDisk},
	}, wireKinds()...)
}

// wireKinds are what networks do, to each of the two wires.
func wireKinds() (all []*kind) {
	for _, to := range []struct{ name, hits string }{{"rabbitmq", rabbitWire}, {"kafka", kafkaWire}} {
		add := func(name string, most time.Duration, begin func(faultnet.Trouble, fault) faultnet.Trouble) {
			all = append(all, &kind{
				name: to.name + " " + name, hits: to.hits, weight: 1, least: most / 4, most: most,
				begin: func(_ context.Context, w *world, f fault) error {
					w.wire(to.hits).Set(begin(faultnet.Trouble{}, f))
					return nil
				},
				end: func(_ context.Context, w *world, _ fault) error {
					w.wire(to.hits).Set(faultnet.Trouble{})
					return nil
				},
			})
		}
		add("latency", 4*second, func(t faultnet.Trouble, f fault) faultnet.Trouble {
			t.Delay = time.Duration(20+f.draw%300) * time.Millisecond
			return t
		})
		add("slow line", 4*second, func(t faultnet.Trouble, f fault) faultnet.Trouble {
			t.Rate = 2000 + int(f.draw%20_000)
			return t
		})
		add("cut between frames", 2*second, func(t faultnet.Trouble, f fault) faultnet.Trouble {
			t.Cut, t.Frames = eitherWay(f), 1+int(f.draw>>8%200)
			return t
		})
		add("cut in a frame", 2*second, func(t faultnet.Trouble, f fault) faultnet.Trouble {
			t.Cut, t.Frames, t.Middle = eitherWay(f), 1+int(f.draw>>8%200), true
			return t
		})
		add("hole to the broker", 6*second, func(t faultnet.Trouble, _ fault) faultnet.Trouble {
			t.Hole = faultnet.Out
			return t
		})
		add("hole from the broker", 6*second, func(t faultnet.Trouble, _ fault) faultnet.Trouble {
			t.Hole = faultnet.In
			return t
		})
		add("gone (refused)", 3*second, func(t faultnet.Trouble, _ fault) faultnet.Trouble {
			t.Shut = true
			return t
		})
		all = append(all,
			&kind{name: to.name + " reset", hits: to.hits, weight: 1, begin: func(_ context.Context, w *world, _ fault) error {
				w.wire(to.hits).Reset()
				return nil
			}, end: nothing},
			&kind{name: to.name + " flaps", hits: to.hits, weight: 1, least: 2 * second, most: 5 * second, begin: startFlapping, end: endFlapping})
	}
	return all
}

// eitherWay leaves to chance which way is cut.
func eitherWay(f fault) faultnet.Way {
	if f.draw&1 == 0 {
		return faultnet.Out
	}
	return faultnet.In
}

func nothing(context.Context, *world, fault) error { return nil }
