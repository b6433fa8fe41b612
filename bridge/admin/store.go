package admin

import (
	"context"
	"net/http"
	"path/filepath"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// longest is how long a request may take that goes through all that the store
// holds.
const longest = time.Hour

type askerKey struct{}

// withAsker remembers the context of who asks, which ends when they go, for what gets
// more time than other requests.
func withAsker(ctx, asks context.Context) context.Context {
	return context.WithValue(ctx, askerKey{}, asks)
}

// patiently is the context of such a request, for as long as its caller waits. A page
// waits no longer for what it shows than for anything else.
func patiently(w http.ResponseWriter, r *http.Request) (context.Context, context.CancelFunc) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(longest)) // else the answer is lost, not what is done
	ctx, ok := r.Context().Value(askerKey{}).(context.Context)
	if !ok {
		ctx = r.Context()
	}
	return context.WithTimeout(ctx, longest)
}

// backup copies the store to a directory of this machine.
func (s *Server) backup(w http.ResponseWriter, r *http.Request) {
	var b api.BackupStore
	err := readSigned(w, r, maxChange, &b, &b.By, &b.Reason, new(bool))
	if err == nil && !filepath.IsAbs(b.Dir) {
		err = bad("dir must name a directory of the bridge's machine in full, such as /var/backups/bridge/monday")
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	ctx, cancel := patiently(w, r)
	defer cancel()
	out, err := s.cfg.Backup(context.WithoutCancel(ctx), b.Dir) // a copy that was begun is made
	if err != nil {
		s.cfg.Logger.Warn("a backup failed", "by", b.By, "dir", b.Dir, "error", err)
		s.refuse(w, r, err)
		return
	}
	s.cfg.Logger.Info("the store was backed up", "by", b.By, "reason", b.Reason, "dir", out.Dir, "bytes", out.Bytes)
	answer(w, http.StatusOK, out)
}
