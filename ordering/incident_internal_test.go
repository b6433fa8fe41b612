package ordering

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestIncidentsSayWhichMessage(t *testing.T) {
	for _, c := range []struct{ key, id, want string }{
		{"", "", ""},
		{"a\x1b[2J", "m1", `key="a\x1b[2J" message_id=m1 revision=4`},
		{"", "m1", "message_id=m1"},
		{strings.Repeat("é", 300), "", "key=" + strings.Repeat("é", 64) + "… revision=4"},
	} {
		var out bytes.Buffer
		slog.New(slog.NewTextHandler(&out, nil)).Warn("x", about(c.key, 4, c.id)...)
		_, got, _ := strings.Cut(strings.TrimSpace(out.String()), "msg=x")
		if strings.TrimSpace(got) != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestConversationsAreFoundByWhicheverName(t *testing.T) {
	for name, want := range map[string]string{"correlation_id": "c", "X-Correlation-ID": "c", "correlation-id": "c", "authorization": ""} {
		if got := correlation(map[string]string{name: "c"}); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
