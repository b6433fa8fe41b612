package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/memory"
)

// stage is what the demo is played on.
type stage struct {
	dir     string
	keep    bool
	log     *os.File
	cluster *kfake.Cluster
	shop    *memory.Broker
	bridge  *bridge.Bridge
}

// openStage sets everything up. It starts nothing but the Kafka.
func openStage(opts Options) (*stage, error) {
	st := &stage{keep: opts.Keep || opts.Dir != ""}
	if err := st.open(opts); err != nil {
		return nil, errors.Join(err, st.close())
	}
	return st, nil
}

func (st *stage) open(opts Options) (err error) {
	if st.dir, err = directory(opts.Dir); err != nil {
		return err
	}
	if st.log, err = os.Create(filepath.Join(st.dir, "bridge.log")); err != nil {
		return err
	}
	if st.cluster, err = kfake.NewCluster(kfake.NumBrokers(1)); err != nil {
		return fmt.Errorf("start a Kafka in the process: %w", err)
	}
	text := Topology(st.cluster.ListenAddrs()[0], filepath.Join(st.dir, "store"), opts.GapTimeout)
	if err := os.WriteFile(filepath.Join(st.dir, "topology.yaml"), []byte(text), 0o600); err != nil {
		return err
	}
	file, err := parse(text)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(st.log, nil))
	st.shop = memory.New("shop", log)
	st.bridge, err = bridge.New(file, bridge.Options{Logger: log, Brokers: map[string]broker.Broker{"shop": st.shop}})
	return err
}

// directory makes the directory, or a temporary one.
func directory(dir string) (string, error) {
	if dir == "" {
		return os.MkdirTemp("", "bridge-demo-")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	there, err := os.ReadDir(dir)
	if err == nil && len(there) > 0 {
		return "", fmt.Errorf("%w: %s is not empty, and a store that knows an earlier demo would take this one for duplicates",
			ErrOptions, dir)
	}
	return dir, err
}

// leave takes the stage down after a run that ended with err. Where something
// went wrong, the directory stays, for its log.
func (st *stage) leave(ctx context.Context, err error) error {
	if err != nil && ctx.Err() == nil {
		st.keep = true
		if !errors.Is(err, ErrFailed) { // of which the report has said it
			err = fmt.Errorf("%w (the log is %s)", err, filepath.Join(st.dir, "bridge.log"))
		}
	}
	if closing := st.close(); closing != nil {
		err = errors.Join(err, fmt.Errorf("close the demo: %w", closing))
	}
	return err
}

// close closes what is open, and removes the directory unless it is kept.
func (st *stage) close() error {
	var errs []error
	if st.bridge != nil {
		errs = append(errs, st.bridge.Close())
	}
	if st.shop != nil {
		errs = append(errs, st.shop.Close())
	}
	if st.cluster != nil {
		st.cluster.Close()
	}
	if st.log != nil {
		errs = append(errs, st.log.Close())
	}
	if !st.keep && st.dir != "" {
		errs = append(errs, os.RemoveAll(st.dir))
	}
	return errors.Join(errs...)
}
