package ordering

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestIncidentsSayWhichMessage(t *testing.T) {
	trace := "0af7651916cd43dd8448eb211c80319c"
	for _, c := range []struct {
		key, id string
		headers map[string]string
		want    string
	}{
		{"", "", nil, ""},
		{"a\x1b[2J", "m1", nil, `key="a\x1b[2J" message_id=m1 revision=4`},
		{"", "m1", map[string]string{"traceparent": "00-" + trace + "-b7ad6b7169203331-01"}, "message_id=m1 trace=" + trace},
		{"k", "", map[string]string{"traceparent": "00-secret", "X-Correlation-ID": "c1", "authorization": "hunter2"}, "key=k correlation=c1 revision=4"},
		{"k", "", map[string]string{"correlation_id": "\n"}, `key=k correlation="\n" revision=4`},
		{strings.Repeat("é", 300), "", nil, "key=" + strings.Repeat("é", 64) + "… revision=4"},
	} {
		var out bytes.Buffer
		slog.New(slog.NewTextHandler(&out, nil)).Warn("x", about(c.key, 4, c.id, c.headers)...)
		_, got, _ := strings.Cut(strings.TrimSpace(out.String()), "msg=x")
		if strings.TrimSpace(got) != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
