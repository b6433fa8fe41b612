package sidecar

import (
	"strings"
	"time"
)

// readSimple reads the form of bridge-amqp that nearly all messages have: as the
// encoder writes it, with texts in printable ASCII without escapes, and no values
// beside the texts. It is false for any other, which readAny reads: at a
// twentieth of the speed (BenchmarkRead), and that for each message with an id of
// its own.
func readSimple(text string) (c content, ok bool) {
	rest, ok := strings.CutPrefix(text, "{")
	for ok && rest != "}" {
		var name string
		if rest, name, ok = cutText(rest, `"`); !ok {
			break
		}
		if rest, ok = c.readMember(rest, name); !ok {
			break
		}
		if rest != "}" {
			if rest, ok = strings.CutPrefix(rest, ","); rest == "}" {
				ok = false
			}
		}
	}
	if !ok {
		return content{}, false
	}
	return c, true
}

// readMember reads what follows a name.
func (c *content) readMember(s, name string) (rest string, ok bool) {
	if to := c.textual(name); to != nil {
		rest, *to, ok = cutText(s, `:"`)
		return rest, ok
	}
	var n int64
	switch name {
	case "delivery-mode":
		rest, n, ok = cutNumber(s, ":")
		c.DeliveryMode = uint8(n)
		return rest, ok && n < 1<<8
	case "priority":
		rest, n, ok = cutNumber(s, ":")
		c.Priority = uint8(n)
		return rest, ok && n < 1<<8
	case "timestamp":
		rest, n, ok = cutNumber(s, ":")
		c.Timestamp = time.Unix(n, 0)
		return rest, ok
	case "types":
		return c.readTypes(s)
	}
	return "", false
}

// textual is where the text of a name goes; nil: it has none.
func (c *content) textual(name string) *string {
	switch name {
	case "exchange":
		return &c.Exchange
	case "routing-key":
		return &c.RoutingKey
	case "content-type":
		return &c.ContentType
	case "content-encoding":
		return &c.ContentEncoding
	case "correlation-id":
		return &c.CorrelationId
	case "reply-to":
		return &c.ReplyTo
	case "expiration":
		return &c.Expiration
	case "message-id":
		return &c.MessageId
	case "type":
		return &c.Type
	case "user-id":
		return &c.UserId
	case "app-id":
		return &c.AppId
	}
	return nil
}

// readTypes reads the types of headers, of which there is one at least.
func (c *content) readTypes(s string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(s, ":{")
	if c.types == nil {
		c.types = map[string]byte{}
	}
	for ok {
		var name, letter string
		if rest, name, ok = cutText(rest, `"`); !ok {
			break
		}
		if rest, letter, ok = cutText(rest, `:"`); !ok || len(letter) != 1 || strings.HasPrefix(name, namePrefix) {
			return "", false
		}
		c.types[name] = letter[0]
		if rest, ok := strings.CutPrefix(rest, "}"); ok {
			return rest, true
		}
		rest, ok = strings.CutPrefix(rest, ",")
	}
	return "", false
}
