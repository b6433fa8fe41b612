package admin

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/brokerbridge/bridge/bridge/status"
)

func TestLiveWhileTheRoutesAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		var hang atomic.Bool
		s, err := New(Config{Listen: "127.0.0.1:0", Store: stubborn{}, Routes: func(context.Context) []status.Route {
			if hang.Load() {
				<-stuck
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { s.pulse.run(ctx); close(done) }()
		time.Sleep(10 * time.Minute)
		if w := ask(s, "GET", "/livez", ""); w.Code != 200 {
			t.Errorf("after ten minutes: %d %s", w.Code, w.Body)
		}
		hang.Store(true)
		time.Sleep(2 * time.Minute)
		if w := ask(s, "GET", "/livez", ""); w.Code != 503 || !strings.Contains(w.Body.String(), "have not said") {
			t.Errorf("stuck: %d %s", w.Code, w.Body)
		}
		close(stuck)
		synctest.Wait()
		if w := ask(s, "GET", "/livez", ""); w.Code != 200 {
			t.Errorf("going again: %d", w.Code)
		}
		stop()
		<-done
	})
}
