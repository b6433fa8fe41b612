package kafka

import (
	"errors"
	"io"
	"net"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker/internal/secure"
	"github.com/brokerbridge/bridge/policies"
)

// classify says whose fault a failed publish is.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kgo.ErrClientClosed):
		return policies.As(policies.Interrupted, err)
	case tooLarge(err):
		return policies.Because(policies.Permanent, "too_large", err)
	case errors.Is(err, kerr.InvalidRecord), errors.Is(err, kerr.InvalidTimestamp):
		return policies.Because(policies.Permanent, "permanent", err)
	case unavailable(err):
		return policies.As(policies.Unavailable, err)
	}
	return policies.As(policies.Transient, err)
}

func tooLarge(err error) bool {
	return errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge)
}

// unavailable reports whether an error would meet everybody: what Kafka itself
// calls retriable (leaders, replicas, time-outs), what an operator must allow or
// create, and all that happens on the way to a broker.
func unavailable(err error) bool {
	var k *kerr.Error
	if errors.As(err, &k) {
		return k.Retriable || forEverybody[k.Code]
	}
	var refused *secure.Fault
	if errors.As(err, &refused) {
		return true
	}
	var n net.Error
	return errors.As(err, &n) || strings.Contains(err.Error(), purged) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, kgo.ErrRecordTimeout) || errors.Is(err, kgo.ErrRecordRetries) || errors.Is(err, kgo.ErrMaxBuffered)
}

// purged is how the client ends records of a topic that is looked for again; it
// exports no error for it.
const purged = "topic purged while buffered"

var forEverybody = map[int16]bool{
	kerr.UnknownTopicOrPartition.Code:    true,
	kerr.UnknownTopicID.Code:             true,
	kerr.InvalidTopicException.Code:      true,
	kerr.TopicAuthorizationFailed.Code:   true,
	kerr.ClusterAuthorizationFailed.Code: true,
	kerr.SaslAuthenticationFailed.Code:   true,
	kerr.UnsupportedSaslMechanism.Code:   true,
	kerr.IllegalSaslState.Code:           true,
	kerr.InvalidRequiredAcks.Code:        true,
	kerr.InvalidReplicationFactor.Code:   true,
	kerr.PolicyViolation.Code:            true,
	kerr.UnsupportedVersion.Code:         true,
	kerr.KafkaStorageError.Code:          true,
	kerr.NotEnoughReplicas.Code:          true,
	kerr.ThrottlingQuotaExceeded.Code:    true,
}
