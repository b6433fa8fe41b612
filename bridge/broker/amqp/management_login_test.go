package amqp

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/broker/survey"
	"github.com/brokerbridge/bridge/bridge/config"
)

// Who logs in by certificate has no password: the client's own guest:guest is sent
// to nobody, and guest's rights are not taken for his.
func TestSurveyWithACertificate(t *testing.T) {
	t.Parallel()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		asked = append(asked, r.URL.Path+" by "+user+":"+password)
		if r.URL.Path == "/api/whoami" {
			_, _ = w.Write([]byte(`{"name":"u"}`))
			return
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	cfg := config.AMQP{URL: config.NewSecret("amqps://rabbit:5671/"), AuthMechanism: config.AuthExternal, Management: config.NewSecret(server.URL)}
	found := &survey.AMQP{VHost: "/"}
	New("test", cfg, nil).manage(t.Context(), found)
	if len(asked) > 0 || found.Management.Err == nil || found.Management.URL != server.URL {
		t.Errorf("without a login: %+v, asked %q", found.Management, asked)
	}
	cfg.Management = config.NewSecret(strings.Replace(server.URL, "//", "//u:p@", 1))
	found = &survey.AMQP{VHost: "/"}
	New("test", cfg, nil).manage(t.Context(), found)
	if got, want := strings.Join(asked, ", "), "/api/whoami by u:p, /api/nodes by u:p"; got != want {
		t.Errorf("asked %q, want %q", got, want)
	}
	want := `permissions: the certificate says who the user is; alarms: needs a tag that user "u" does not have`
	if got := strings.Join(found.Management.Hidden, "; "); got != want || found.Rights != nil {
		t.Errorf("hidden is %q, want %q", got, want)
	}
}
