package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
)

// course is a contender between senders and a sink.
type course struct {
	scene
	stage *stage
	mover mover // nil: it does not run
	sink  *sink // nil: nobody reads the target
	words *os.File
}

// course has ends that are not there yet.
func (s *stage) course(way direction) *course {
	sc := scene{name: newName(), way: way}
	sc.from, sc.to = s.end(way.From, sc.name+"-from"), s.end(way.To, sc.name+"-to")
	if t, ok := sc.from.(*topic); ok {
		t.group = sc.name
	}
	return &course{scene: sc, stage: s}
}

// open makes an empty source and an empty target.
func (c *course) open(ctx context.Context) (err error) {
	if err := errors.Join(c.from.create(ctx), c.to.create(ctx)); err != nil {
		return err
	}
	c.words, err = os.Create(filepath.Join(c.stage.dir, c.name+".log"))
	return err
}

// on does something on a course between its opening and its close.
func on[T any](ctx context.Context, c *course, do func(context.Context) (T, error)) (got T, err error) {
	ctx, cancel := context.WithTimeout(ctx, caseTimeout)
	defer cancel()
	defer func() { err = c.close(err) }()
	if err := c.open(ctx); err != nil {
		return got, err
	}
	return do(ctx)
}

// begin lets the contender work.
func (c *course) begin(ctx context.Context, p plan, who contender) (err error) {
	c.mover, err = who.start(ctx, c.stage, p, c.scene, c.words)
	return err
}

// receive opens the sink.
func (c *course) receive(crowds ...*crowd) { c.sink = openSink(loadEnd(c.way.To, c.to), crowds...) }

// send sends n messages of a crowd, the i-th first, and returns when the source
// has them.
func (c *course) send(ctx context.Context, of *crowd, i, n int, when load.Schedule) error {
	sender, err := loadEnd(c.way.From, c.from).Sender(ctx)
	if err != nil {
		return err
	}
	err = when.Run(ctx, n, func(j int, due time.Time) error {
		if m, sent := of.message(i + j); sent {
			return sender.Send(ctx, m, due)
		}
		return nil
	})
	return errors.Join(err, sender.Close())
}

// loadEnd is an end as those see it who send and receive.
func loadEnd(k kind, e end) load.End {
	if k == kafka {
		return load.Topic{Brokers: kafkaAddrs(), Name: e.called()}
	}
	return load.Queue{URL: amqpURL(), Name: e.called()}
}

// finish ends the contender and the sink, and says what is left in the source.
func (c *course) finish(ctx context.Context) (left int, err error) {
	mover := c.mover
	c.mover = nil
	if err := mover.end(false); err != nil {
		return 0, err
	}
	if c.sink != nil {
		c.sink.stop()
	}
	return c.from.left(ctx)
}

// close ends what still runs and removes all. It tells what the contender warned
// of, or all that it said if something went wrong.
func (c *course) close(failed error) error {
	ctx, cancel := context.WithTimeout(context.Background(), childTimeout)
	defer cancel()
	if c.mover != nil {
		_ = c.mover.end(true)
	}
	if c.sink != nil {
		c.sink.stop()
	}
	if c.words != nil {
		_ = c.words.Close()
		said, _ := os.ReadFile(c.words.Name())
		if failed != nil {
			failed = fmt.Errorf("%w\n%s", failed, said)
		}
		for _, w := range warnings(said) {
			fmt.Printf("       %s: %s\n", c.way, w)
		}
	}
	_ = os.RemoveAll(storeDir(c.stage.dir, c.scene))
	return errors.Join(failed, c.drop(ctx))
}

var warning = regexp.MustCompile(`level=WARN msg=("[^"]*"|\S*)`)

// warnings are those of the bridge, each once.
func warnings(said []byte) (all []string) {
	for _, w := range warning.FindAllString(string(said), -1) {
		if !slices.Contains(all, w) {
			all = append(all, w)
		}
	}
	return all
}
