package bridge

import (
	"cmp"
	"errors"
	"slices"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/ordering"
)

// filter is `when:`, conditions that must all hold.
type filter []condition

// condition wants a field to have one of some values, compared as text.
type condition struct {
	read   ordering.Field
	values []string
}

func newFilter(when []config.Match) (f filter) {
	for _, m := range when {
		f = append(f, condition{field(m.Field), m.Values})
	}
	return f
}

// takes is ordering.Config.Takes. A message that cannot be judged is taken, to
// be refused as undecodable.
func (f filter) takes(m *message.Message) bool {
	if _, marked := m.Metadata[broker.HeaderUndecodable]; marked {
		return true
	}
	ok, err := f.judge(m)
	return ok || err != nil
}

// judge reports whether a message meets all conditions. One that it does not
// meet decides, whatever the others would need; else an error says that the body
// cannot be read.
func (f filter) judge(m *message.Message) (ok bool, err error) {
	for _, c := range f {
		holds, unread := c.holds(m)
		if unread == nil && !holds {
			return false, nil
		}
		err = cmp.Or(err, unread)
	}
	return err == nil, err
}

// holds reports whether a message meets a condition; an error says that its body
// cannot be read. A value that is no text, such as an object, meets none.
func (c condition) holds(m *message.Message) (bool, error) {
	v, found, err := c.read(m)
	if unread, ok := errors.AsType[*ordering.IdentifyError](err); ok {
		return false, unread
	}
	return err == nil && found && slices.Contains(c.values, v), nil
}
