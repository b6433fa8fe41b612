package foreign

import (
	"encoding/base64"
	"time"

	"github.com/tidwall/gjson"
)

// sidecar is the header in which the edges put what of AMQP has no text: x-death is
// an array of tables.
const sidecar = "bridge-amqp"

// rabbitmq reads what RabbitMQ writes: of the deaths of a message the last one,
// which is the first of the list. From 3.13 on x-last-death says it too.
func rabbitmq(h headers) (Letter, bool) {
	death := lastDeath(h[sidecar])
	if death.Exists() {
		l := Letter{
			Profile: RabbitMQ, Origin: Origin{Queue: name(text(death.Get("queue")))},
			Reason: line(text(death.Get("reason")), maxType), When: stamp(death.Get("time")),
			Attempts: attempts(integer(death.Get("count"))),
		}
		l.Origin.route(death)
		return l, true
	}
	for _, which := range [...]string{"x-last-death-", "x-first-death-"} {
		if h.has(which+"queue", which+"reason") {
			return Letter{
				Profile: RabbitMQ, Origin: Origin{Queue: h.name(which + "queue")}, Reason: h.kind(which + "reason"),
			}, true
		}
	}
	return Letter{}, false
}

// lastDeath is the table of the last death; it does not exist where there is none.
func lastDeath(side string) gjson.Result {
	death := gjson.Get(side, "values.x-death.A.0.F")
	if !death.IsObject() {
		return gjson.Result{}
	}
	return death
}

// route fills in the exchange and the routing key with which the message came to
// the queue where it died.
func (o *Origin) route(death gjson.Result) {
	exchange, key := death.Get("exchange"), death.Get("routing-keys.A.0")
	o.Exchange, o.RoutingKey = name(text(exchange)), name(text(key))
	o.Routed = exchange.Exists() && key.Exists() && o.Exchange == text(exchange) && o.RoutingKey == text(key)
}

// text is a string as the sidecar writes it.
func text(r gjson.Result) string {
	if r.Type == gjson.String {
		return r.Str
	}
	raw, err := base64.StdEncoding.DecodeString(r.Get("S").Str)
	if err != nil {
		return ""
	}
	return string(raw)
}

// integer is a number of any of AMQP's types, as the sidecar writes them: by the
// letter of the type.
func integer(r gjson.Result) (n int64, ok bool) {
	if !r.IsObject() {
		return 0, false
	}
	r.ForEach(func(_, v gjson.Result) bool {
		n, ok = v.Int(), v.Type == gjson.Number
		return false
	})
	return n, ok
}

// stamp is a timestamp.
func stamp(r gjson.Result) time.Time { return since(r.Get("T").Int()) }
