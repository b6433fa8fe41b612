package demo

import (
	"fmt"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/demo/internal/screen"
	"github.com/brokerbridge/bridge/bridge/demo/internal/stream"
	"github.com/brokerbridge/bridge/ordering/lane"
)

// opening says what is about to be seen.
func opening(s *stream.Stream, opts Options) string {
	return fmt.Sprintf(`%s events of %d orders are about to have a bad day: shuffled, repeated, lost and
sent again later, and some of them wrong. Halfway the connection breaks, and then
Kafka refuses everything for a while.

  queue, in this process ─► bridge, with a store on disk ─► Kafka, in this process
                            in order per key                over the real protocol

`, screen.Count(s.Events), opts.Keys)
}

// mostFaults is how many are printed of what went wrong.
const mostFaults = 12

// page is a report that is being written.
type page struct{ strings.Builder }

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *page) head(format string, args ...any) { p.line("\n"+format, args...) }

// count is a row that begins with a number.
func (p *page) count(n int64, format string, args ...any) {
	p.line("  %7s  %s", screen.Count(n), fmt.Sprintf(format, args...))
}

// text is the report as a person reads it.
func (r Report) text(opts Options, st *stage) string {
	p := &page{}
	r.came(p)
	r.read(p)
	r.places(p)
	r.troubles(p, opts.GapTimeout)
	r.verdict(p)
	if r.OK() {
		next(p)
	}
	if st.keep || !r.OK() {
		p.head("Kept in %s: topology.yaml, bridge.log, store/", st.dir)
	}
	return p.String()
}

func (r Report) came(p *page) {
	p.head("What the queue did to %s events of %d orders, in %s", screen.Count(r.Events), r.Keys, seconds(r.Sending))
	p.count(int64(r.Early), "came before their predecessor, shuffled by up to %d places", r.Farthest)
	p.count(int64(r.Duplicated), "came twice")
	p.count(int64(r.Dropped), "were lost at first and came later, %d of them at the very end", r.Late)
	p.count(r.Redelivered, "came again when the connection was lost")
	p.count(1, "was lost for good")
	p.count(1, "is larger than Kafka takes")
	p.count(3, "are no events: no revision, a damaged one, one that is taken")
}

func (r Report) read(p *page) {
	p.head("What a consumer found in Kafka, reading the topic from its start")
	p.count(int64(r.Records), "messages")
	p.count(int64(len(r.Wrong.Swapped)), "behind a later revision of their order")
	p.count(int64(len(r.Wrong.Holes)), "behind a hole")
	p.count(int64(len(r.Wrong.Repeated)), "twice (the bridge dropped %s duplicates)", screen.Count(r.Counts.Duplicates))
	p.count(int64(len(r.Wrong.Altered)+len(r.Wrong.Astray)), "altered or in the wrong partition")
}

func (r Report) places(p *page) {
	p.head("Where every event is, looked up one by one in Kafka and in the store")
	p.count(int64(r.Places.Delivered), "in Kafka")
	p.count(int64(r.Places.Parked), "parked on disk, at their place in the order (at most %s at once)", screen.Count(r.MostParked))
	p.count(int64(r.Places.Dead), "given up, a dead letter at its place in the order")
	p.count(int64(r.Events-r.Places.Delivered-r.Places.Parked-r.Places.Dead-len(r.Places.Lost)), "never sent")
	p.count(int64(len(r.Places.Lost)), "lost")
	p.count(r.Counts.Unaccounted, "unaccounted for in the bridge's own books")
}

func (r Report) troubles(p *page, gap time.Duration) {
	p.head("%d keys wait for somebody to decide; the others did not wait for them", len(r.Blocked))
	for _, b := range r.Blocked {
		if b.Mode == lane.GapBlocked.String() {
			p.about(b.Key, "gap_timeout: revision %d never came. After %v the key was quarantined; %d successors\n"+
				"are parked, and would go on by themselves if it came.", b.Revision, gap, b.Parked)
		}
	}
	for _, d := range r.DeadLetters {
		if d.Blocks {
			p.about(d.Key, "%s: Kafka refuses revision %d, whenever it is sent. It is a dead letter at its\n"+
				"place in the order; %d successors are parked behind it.", d.Reason, d.Revision, r.parkedBehind(d.Key))
			p.about("", "With nack(requeue=true) it would go round as fast as the broker can, and its\n"+
				"successors would have overtaken it.")
		}
	}
	p.head("%d keys were quarantined too, and went on by themselves", len(r.Healed))
	for _, h := range r.Healed {
		p.about(h.Key, "revision %d came late; %d parked successors followed in order.", h.Revision, h.Parked)
	}
	p.head("Dead letters without a place in the order; their keys went on")
	for _, d := range r.DeadLetters {
		if !d.Blocks {
			p.about(d.Key, "%s: %s", d.Reason, d.why())
		}
	}
}

// about is a paragraph about a key.
func (p *page) about(key, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	p.line("  %-9s  %s", key, strings.ReplaceAll(text, "\n", "\n             "))
}

func (r Report) parkedBehind(key string) int {
	for _, b := range r.Blocked {
		if b.Key == key {
			return b.Parked
		}
	}
	return 0
}

// why says what is wrong with a message that has no place in the order.
func (d DeadLetter) why() string {
	switch d.Reason {
	case "revision_conflict":
		return fmt.Sprintf("revision %d came twice with different content; the first one stands.", d.Revision)
	case "revision_missing":
		return "without a revision it cannot be put in any order."
	case "revision_implausible":
		return fmt.Sprintf("%d is damage,\nand the key does not wait for what would lie between.", d.Revision)
	}
	return d.Error
}

func (r Report) verdict(p *page) {
	if r.OK() {
		p.head("Passed: per key in order, nothing lost, nothing twice, nothing unaccounted for, in %s.", seconds(r.Took))
		return
	}
	p.head("FAILED: what was found is not what the bridge promises.")
	for i, f := range r.Faults {
		if i == mostFaults {
			p.line("  … and %d more", len(r.Faults)-i)
			break
		}
		p.line("  %s", f)
	}
}

// next is where to go from here.
func next(p *page) {
	p.head("Next (bridge is ./bin/bridge after \"make build\")")
	for _, step := range [][2]string{
		{"bridge demo --print-config", "the topology that was run"},
		{"make brokers", "RabbitMQ and Kafka; or docker compose up -d"},
		{"bridge validate -c configs/rabbitmq-to-kafka.yaml", "is the file right?"},
		{"bridge run -c configs/rabbitmq-to-kafka.yaml", "the same, between your brokers"},
		{"bridge dlq ls -c configs/rabbitmq-to-kafka.yaml", "what was given up, and why"},
		{"bridge demo --keep", "keep this run's topology, log and store"},
	} {
		p.line("  %-51s %s", step[0], step[1])
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
