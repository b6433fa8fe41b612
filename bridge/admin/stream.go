package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

const (
	maxStreams     = 32               // at once; they do not count as requests under way
	streamEvery    = 2 * time.Second  // how often the routes are looked at
	streamAlive    = 15 * time.Second // between comments, by which both sides see that the other is there
	streamFor      = 10 * time.Minute // then the client asks again, and is looked at anew
	streamPatience = 5 * time.Second  // for a reader to take what was written
)

// feed is what streams tell. It is made once for all of them, and only while there
// are some.
type feed struct {
	routes func(context.Context) []status.Route
	places chan struct{} // a token per stream
	end    func()
	ended  chan struct{}

	looking sync.Mutex // held while the routes are asked
	mu      sync.Mutex
	at      time.Time // when they were asked last
	state   []byte    // what they said, as JSON
	event   []byte    // the same as an event
	number  uint64    // of the event
}

func newFeed(routes func(context.Context) []status.Route) *feed {
	f := &feed{routes: routes, places: make(chan struct{}, maxStreams), ended: make(chan struct{})}
	f.end = sync.OnceFunc(func() { close(f.ended) })
	return f
}

// last is the last event, which nobody may change, and its number. Who finds that
// it is old looks at the routes; the others do not wait for that.
func (f *feed) last(ctx context.Context) (event []byte, number uint64) {
	if f.old() && f.looking.TryLock() {
		f.look(ctx)
		f.looking.Unlock()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.event, f.number
}

func (f *feed) old() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Since(f.at) >= streamEvery-streamEvery/10
}

// look asks the routes, and makes an event if something has changed.
func (f *feed) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout) // it is for all
	defer cancel()
	tick := api.Tick{Routes: slices.Concat([]status.Route{}, f.routes(ctx))}
	state, err := json.Marshal(tick)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = time.Now()
	if err != nil || bytes.Equal(state, f.state) {
		return
	}
	tick.At = f.at.UTC()
	text, err := json.Marshal(tick)
	if err != nil {
		return
	}
	f.state, f.number = state, f.number+1
	f.event = slices.Concat([]byte("event: status\ndata: "), text, []byte("\n\n"))
}

// stream tells how the routes are doing until the reader goes, does not keep up, or
// has been told for long enough.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	select {
	case s.feed.places <- struct{}{}:
		defer func() { <-s.feed.places }()
	default:
		w.Header().Set("Retry-After", "5")
		fail(w, http.StatusTooManyRequests, api.Busy, "too many streams are open", "GET /api/v1/routes tells the same once")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy is to pass it on at once
	out := &reader{w: w, control: http.NewResponseController(w)}
	// The server's own deadlines are for requests that end. Not every writer has any.
	_ = out.control.SetReadDeadline(time.Time{})
	if out.write([]byte("retry: 2000\n\n")) && r.Method != http.MethodHead {
		s.feed.tell(r.Context(), out)
	}
}

// tell writes events for as long as they are taken.
func (f *feed) tell(ctx context.Context, out *reader) {
	ctx, cancel := context.WithTimeout(ctx, streamFor)
	defer cancel()
	look, alive := time.NewTicker(streamEvery), time.NewTicker(streamAlive)
	defer look.Stop()
	defer alive.Stop()
	told := uint64(0)
	for {
		if event, number := f.last(ctx); number != told {
			if told = number; !out.write(event) {
				return
			}
		}
		select {
		case <-look.C:
		case <-alive.C:
			if !out.write([]byte(": still here\n\n")) {
				return
			}
		case <-ctx.Done():
			return
		case <-f.ended:
			return
		}
	}
}

// reader is who reads a stream.
type reader struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// write reports whether the reader took it in time.
func (r *reader) write(b []byte) bool {
	_ = r.control.SetWriteDeadline(time.Now().Add(streamPatience))
	if _, err := r.w.Write(b); err != nil {
		return false
	}
	return r.control.Flush() == nil
}
