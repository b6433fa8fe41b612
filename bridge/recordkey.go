package bridge

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/policies"
)

// recordKeyOf is broker.TargetOptions.Key: what `to.key` names. It is nil where
// that is the key of the order, which the message carries by then.
func recordKeyOf(r config.Route) func(*message.Message) (string, bool, error) {
	if slices.Equal(r.To.Key, r.Order.Key) {
		return nil
	}
	if len(r.To.Key) == 1 && r.To.Key[0].Kind == config.MessageKey {
		return recordKey // the only field that may be null
	}
	return func(m *message.Message) (string, bool, error) {
		parts := make([]string, len(r.To.Key))
		for i, f := range r.To.Key {
			v, found, err := field(f)(m)
			if err == nil && !found {
				err = errors.New("the message does not have it")
			}
			if err != nil {
				return "", false, policies.Because(policies.Permanent, "unroutable", fmt.Errorf("to.key: %s: %w", f, err))
			}
			parts[i] = v
		}
		if len(parts) == 1 {
			return parts[0], true, nil
		}
		joined, err := json.Marshal(parts) // as the order joins its key
		return string(joined), true, err
	}
}
