package console

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Who sends a dead letter again is told whether it went through: a page that says in
// green that it is sent, while it is back, costs the time until somebody notices.
func TestARedriveSaysWhatBecameOfIt(t *testing.T) {
	for name, c := range map[string]struct {
		sent  func(*book)
		class string
		says  string
	}{
		"through":    {func(b *book) { b.gone = true }, `class="told" role="status"`, "It went through, and what was parked behind it follows."},
		"came back":  {func(b *book) { b.letter.At = b.letter.At.Add(time.Second) }, `class="told bad" role="alert"`, "It was sent again, failed again, and is a dead letter as before."},
		"not known":  {func(*book) {}, `class="told" role="status"`, "It is sent again. Once it is through,"},
		"beside all": {func(b *book) { b.gone, b.letter.InOrder = true, false }, `class="told" role="status"`, "It went through"},
	} {
		b := shelf()
		b.letter.InOrder = name != "beside all"
		b.sent = func() { c.sent(b) }
		handler := b.console()
		code, _, next := post(t, handler, "/routes/orders/act?do=redrive&id=d1", url.Values{"reason": {"try"}, "once": {"1"}})
		if code != http.StatusSeeOther {
			t.Fatalf("%s: %d", name, code)
		}
		_, page := get(t, handler, next)
		if !strings.Contains(page, c.class) || !strings.Contains(page, c.says) {
			t.Errorf("%s: no %q with %q on\n%s", name, c.says, c.class, page)
		}
		if n := len(b.changes()); n != 1 {
			t.Errorf("%s: it was sent %d times", name, n)
		}
		if again, _, _ := post(t, handler, "/routes/orders/act?do=redrive&id=d1", url.Values{"reason": {"try"}, "once": {"1"}}); again != http.StatusSeeOther || len(b.changes()) != 1 {
			t.Errorf("%s: the same form sends it twice: %d", name, again)
		}
	}
}
