package survey_test

import (
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/brokerbridge/bridge/bridge/broker/survey"
)

// What the other side says of our certificate is no trouble with its own.
func TestTroubleWithOurCertificate(t *testing.T) {
	for alert, want := range map[string]survey.Kind{
		"tls: certificate required":           survey.Ours,
		"tls: bad certificate":                survey.Ours,
		"tls: unknown certificate":            survey.Ours,
		"tls: unknown certificate authority":  survey.Ours,
		"tls: expired certificate":            survey.Ours,
		"tls: protocol version not supported": survey.Authority,
	} {
		err := fmt.Errorf("connect: %w", &net.OpError{Op: "remote error", Err: errors.New(alert)})
		if got := survey.Of(err); got.Kind != want || !got.IsTLS() {
			t.Errorf("%s is %v, want %s", alert, got, want)
		}
	}
	if got := survey.Of(errors.New("tls: failed to verify certificate")); got.Kind != survey.Authority {
		t.Errorf("an error of ours is %v", got)
	}
}
