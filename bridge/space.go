package bridge

import (
	"context"
	"fmt"
	"time"

	"github.com/brokerbridge/bridge/ordering"
)

// watchSpace pauses the route's intake before the disk is full and at its own
// limit for parked messages, and lets it go on once there is room.
func (r *route) watchSpace(ctx context.Context, seq *ordering.Resequencer) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	was := ""
	r.face.noSpace("") // what an earlier run has said
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		reason := r.wantOfSpace(ctx)
		if reason == was {
			continue
		}
		was = reason
		seq.PauseIntake(reason != "")
		r.face.noSpace(reason)
		if reason != "" {
			r.log.Warn("intake pauses", "reason", reason)
		} else {
			r.log.Info("intake goes on")
		}
	}
}

// wantOfSpace says why there is too little of it; "" that there is enough.
func (r *route) wantOfSpace(ctx context.Context) string {
	if least := r.bridge.file.Store.MinFree; least > 0 {
		if s, err := r.bridge.store.Stats(ctx); err == nil && s.Free > 0 && s.Free < least {
			return fmt.Sprintf("store_space: %d bytes are free, store.min_free is %d", s.Free, least)
		}
	}
	if most := r.cfg.Park.MaxBytes; most > 0 {
		if l, err := r.bridge.store.Ledger(ctx, r.cfg.Name); err == nil && l.ParkedBytes >= most {
			return fmt.Sprintf("park_full: %d bytes are parked, park.max_bytes is %d", l.ParkedBytes, most)
		}
	}
	return ""
}
