package admin

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// Token lets somebody in. The token itself is kept nowhere, only its sum.
type Token struct {
	Name string // who it is, for the audit
	Role Role
	Sum  [sha256.Size]byte // SHA-256
	// Payloads is how much of messages the bearer sees. Empty: PayloadsMasked.
	Payloads Payloads
}

// caller is who asks. Without a name it is whoever is on this machine.
type caller struct {
	name     string
	role     Role
	payloads Payloads // never more than is meant: masked is full where nothing is masked
}

type callerKey struct{}

func callerOf(r *http.Request) caller { return callerIn(r.Context()) }

func callerIn(ctx context.Context) caller {
	who, _ := ctx.Value(callerKey{}).(caller)
	return who
}

// signs is who the audit says it was. A token's name counts, and is first, so
// that nobody passes for another; what its bearer says is kept beside it.
func (c caller) signs(says string) string {
	says = signed(says)
	switch {
	case c.name == "":
		return says
	case says == nobody || says == c.name:
		return c.name
	}
	return fmt.Sprintf("%s (says %s)", c.name, says)
}

// allowed serves an endpoint to those who have a role, and refuses the others.
func (s *Server) allowed(least Role, next http.HandlerFunc) http.HandlerFunc {
	if least == RoleAnyone {
		return next
	}
	return func(w http.ResponseWriter, r *http.Request) {
		who, ok := s.identify(w, r)
		switch {
		case !ok:
		case least < RoleAnyone || who.role < least: // what has no role is nobody's
			fail(w, http.StatusForbidden, api.Forbidden,
				fmt.Sprintf("this needs the role %s, and the token %s has the role %s", least, who.name, who.role),
				"ask with a token that has it, or have it given one: admin.tokens in the topology file")
		default:
			who.payloads = s.sees(who.payloads)
			next(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, who)))
		}
	}
}

// identify finds out who asks, or answers that it is not known.
func (s *Server) identify(w http.ResponseWriter, r *http.Request) (caller, bool) {
	if who := callerOf(r); who.role != 0 {
		return who, true // a page asks for who looks at it
	}
	if len(s.cfg.Tokens) == 0 {
		return caller{role: RoleAdmin}, true // only this machine gets here, see reachable
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") || token == "" {
		// Who has none does not guess: it does not count.
		w.Header().Set("WWW-Authenticate", `Bearer realm="bridge"`)
		fail(w, http.StatusUnauthorized, api.Unauthorized, "this needs a token", "send Authorization: Bearer TOKEN")
		return caller{}, false
	}
	from := s.origin(r)
	who, ok, wait := s.door.try(from, sha256.Sum256([]byte(token)))
	switch {
	case ok:
		return who, true
	case wait > 0:
		w.Header().Set("Retry-After", strconv.Itoa(int(wait.Round(time.Second)/time.Second)+1))
		fail(w, http.StatusTooManyRequests, api.LockedOut, "too many wrong tokens came from this address", "try again in a minute")
		return caller{}, false
	}
	s.cfg.Logger.Warn("the admin API got a token that it does not know", "from", from.Addr())
	w.Header().Set("WWW-Authenticate", `Bearer realm="bridge", error="invalid_token"`)
	fail(w, http.StatusUnauthorized, api.Unauthorized, "this token is not known here", "admin.tokens in the topology file has those that are")
	return caller{}, false
}

// refused answers every change of a server that only reads.
func refused(w http.ResponseWriter, _ *http.Request) {
	fail(w, http.StatusForbidden, api.ReadOnly, "this bridge takes no changes", "admin.read_only is set in the topology file")
}
