package stream

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"
)

// KeyName is the i-th key.
func KeyName(i int) string { return fmt.Sprintf("order-%03d", i+1) }

// Body is the content of an event, the same each time it is made.
func Body(p Place) []byte {
	return fmt.Appendf(nil, `{"order":%q,"revision":%d,"lines":%d}`, p.Key, p.Rev, 1+p.Rev%7)
}

// event is the message that says an event.
func event(p Place, body []byte) *message.Message {
	return &message.Message{
		UUID:     fmt.Sprintf("%s-%d", p.Key, p.Rev),
		Metadata: message.Metadata{HeaderKey: p.Key, HeaderRevision: strconv.FormatInt(p.Rev, 10)},
		Payload:  body,
	}
}

// tooLarge is more than a Kafka topic takes unless it was told to: 1 MiB.
func tooLarge(p Place) []byte {
	return fmt.Appendf(nil, `{"order":%q,"revision":%d,"invoice_pdf":"%s"}`, p.Key, p.Rev, strings.Repeat("A", 1_200_000))
}

// stranger is a message that is none of the events: it has an id of its own and
// the headers as given, with "" for one that is missing.
func stranger(id, key, revision string, body []byte) *message.Message {
	md := message.Metadata{HeaderKey: key, HeaderRevision: revision}
	maps.DeleteFunc(md, func(_, v string) bool { return v == "" })
	return &message.Message{UUID: id, Metadata: md, Payload: body}
}
