package bulk_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/bulk"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

type noLoad struct {
	store.Store
	on atomic.Bool
}

func (s *noLoad) Load(ctx context.Context, k store.Key) (store.Record, error) {
	if s.on.Load() {
		return store.Record{}, errors.New("the disk does not answer")
	}
	return s.Store.Load(ctx, k)
}

// R12: a store that does not answer for a moment uses an operation up: all refused, done.
func TestR12_ReadsFailForAMoment(t *testing.T) {
	o := newOffice(t, nil)
	o.leave()
	o.close()
	s := &noLoad{Store: memory.New()}
	o.store = s
	o.open()
	o.staff()
	o.dead(100, 100)
	o.leave()
	o.close() // the lanes are in the store only
	o.open()
	_, _ = o.resequencer().Stats(t.Context())
	time.Sleep(50*time.Millisecond)
	o.target(nil)
	s.on.Store(true)
	o.staff()
	p := o.until(o.begin(bulk.Request{}).ID, store.OperationDone)
	if p.Refused > 0 {
		t.Errorf("%v %s", counts(p), p.Refusal)
	}
	_ = ordering.ActRedrive
}
