package bridge

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/policies"
)

// recordKeyOf is broker.TargetOptions.Key: what `to.key` names. It is nil where
// that is the key of the order, which the message carries by then.
func recordKeyOf(r config.Route) func(*message.Message) (string, bool, error) {
	switch {
	case len(r.Order.Key)+len(r.To.Key) == 0:
		return ownKey
	case slices.Equal(r.To.Key, r.Order.Key):
		return nil
	}
	return keyOfFields(r.To.Key)
}

// ownKey is the key that a message came with: its record's, or that of the order
// it had on its way through another bridge.
func ownKey(m *message.Message) (string, bool, error) {
	if _, record := m.Metadata[broker.HeaderKafka]; record {
		return recordKey(m)
	}
	key, found := m.Metadata[broker.HeaderKey]
	return key, found, nil
}

// keyOfFields reads a key that is made of fields.
func keyOfFields(fields []config.Field) func(*message.Message) (string, bool, error) {
	if len(fields) == 1 && fields[0].Kind == config.MessageKey {
		return recordKey // the only field that may be null
	}
	return func(m *message.Message) (string, bool, error) {
		parts := make([]string, len(fields))
		for i, f := range fields {
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
