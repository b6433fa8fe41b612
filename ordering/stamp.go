package ordering

import (
	"context"
	"maps"
	"strconv"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering/lane"
)

type stampKey struct{}

// Stamp is the number of a message among those of its key that were delivered, from
// 1 and without a gap, whatever revision it came with: what goes out can be numbered
// with it. False unless Config.Stamp is set. A handler publishes at most one message
// with it; it is used up when the handler returns no error.
func Stamp(m *message.Message) (n lane.Revision, ok bool) {
	n, ok = m.Context().Value(stampKey{}).(lane.Revision)
	return n, ok
}

// giveStamp tells a message its number. It is the same one when it is sent again,
// and then nothing is written: an earlier call may still read it.
func (l *loop) giveStamp(it *item, n lane.Revision) {
	it.stamp = n
	if was, _ := Stamp(it.msg); was != n {
		it.msg.SetContext(context.WithValue(it.msg.Context(), stampKey{}, n))
	}
	if name := l.cfg.StampHeader; name != "" {
		if text := strconv.FormatInt(int64(n), 10); it.msg.Metadata[name] != text {
			if it.storing > 0 { // the committer reads it
				it.msg.Metadata = maps.Clone(it.msg.Metadata)
			}
			it.msg.Metadata[name] = text
		}
	}
}
