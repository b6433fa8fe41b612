package doctor

import (
	"github.com/brokerbridge/bridge/bridge/broker/survey"
	"github.com/brokerbridge/bridge/bridge/config"
)

// use is one end of a route: a source, its target, the target of copies of dead
// letters or of events.
type use struct {
	route  *config.Route
	broker config.Broker
	role   string       // as an operator calls it
	from   *config.From // a source, or
	to     *config.To   // a target
}

// The roles of targets that are not the route's own.
const (
	roleSource = "source"
	roleTarget = "target"
	roleCopies = "copies of dead letters"
	roleEvents = "events"
)

func usesOf(f *config.File) (all []use) {
	target := func(r *config.Route, role string, to *config.To) {
		if to == nil {
			return
		}
		b, _ := f.Broker(to.Broker)
		all = append(all, use{route: r, broker: b, role: role, to: to})
	}
	for i := range f.Routes {
		r := &f.Routes[i]
		for j := range r.From {
			b, _ := f.Broker(r.From[j].Broker)
			all = append(all, use{route: r, broker: b, role: roleSource, from: &r.From[j]})
		}
		target(r, roleTarget, &r.To)
		target(r, roleCopies, r.DeadLetter.To)
		target(r, roleEvents, r.Events.To)
	}
	return all
}

func planFor(broker string, uses []use) (p survey.Plan) {
	for _, u := range uses {
		if u.broker.Name != broker {
			continue
		}
		if q := u.queue(); q != "" {
			p.Queues = append(p.Queues, q)
		}
		if u.to != nil && u.to.Exchange != "" {
			p.Exchanges = append(p.Exchanges, u.to.Exchange)
		}
		if t := u.topic(); t != "" {
			p.Topics = append(p.Topics, t)
			if u.from != nil {
				p.Groups = append(p.Groups, survey.Group{Name: u.from.Group, Topic: t})
			}
		}
	}
	return p
}

// queue is the queue that is known beforehand, or "".
func (u use) queue() string {
	switch {
	case u.from != nil:
		return u.from.Queue
	case u.to.OriginQueue():
		return "" // each message names its own
	default:
		return u.to.Queue
	}
}

// topic is the topic that is known beforehand, or "".
func (u use) topic() string {
	if u.from != nil {
		return u.from.Topic
	}
	return u.to.Topic.Fixed
}

// at is the place of a setting of this end, or of the end where it has none.
func (u use) at(setting string) at {
	path := ""
	if u.from != nil {
		path = u.from.Path
	} else {
		path = u.to.Path
	}
	if setting != "" {
		path += "." + setting
	}
	return at{u.broker.Name, u.route.Name, path}
}

func (u use) declare() config.Declare {
	if u.from != nil {
		return u.from.Declare
	}
	return u.to.Declare
}

// ordered reports whether the route must be the only one that reads its source.
func (u use) ordered() bool { return u.route.Order.By != config.ByNone }

// naming is the setting that names what is read or written.
func naming(u use) string {
	switch {
	case u.from != nil && u.from.Topic != "" || u.to != nil && !u.to.Topic.IsZero():
		return "topic"
	case u.to != nil && u.to.Exchange != "":
		return "exchange"
	default:
		return "queue"
	}
}
