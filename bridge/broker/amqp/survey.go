package amqp

import (
	"context"
	"errors"
	"fmt"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/survey"
)

// Survey looks at queues and exchanges: by passive declares, which tell whether
// they are there, and by the management interface, which tells what they are like.
func (b *Broker) Survey(ctx context.Context, plan survey.Plan) survey.Survey {
	l, err := b.dial(ctx, "bridge doctor")
	switch {
	case err != nil && ctx.Err() != nil: // the client says that its line was closed: by us
		return survey.Survey{Trouble: survey.Of(fmt.Errorf("connect to %s: %w", b.cfg.URL.Redacted(), ctx.Err()))}
	case err != nil:
		return survey.Survey{Trouble: trouble(err)}
	}
	defer l.hangUp()
	// Ending the context ends the questions, which have no end of their own.
	defer context.AfterFunc(ctx, func() { _ = l.line.Close() })()
	found := &survey.AMQP{
		Product: property(l, "product"), Version: property(l, "version"), Cluster: property(l, "cluster_name"),
		Queues: map[string]*survey.Queue{}, Exchanges: map[string]*survey.Exchange{},
	}
	if uri, _, err := b.address(); err == nil {
		found.User, found.VHost = b.login(uri).Username, uri.Vhost
	}
	for _, name := range plan.Queues {
		if found.Queues[name] == nil {
			found.Queues[name] = lookForQueue(l, name)
		}
	}
	for _, name := range plan.Exchanges {
		if found.Exchanges[name] == nil {
			found.Exchanges[name] = lookForExchange(l, name)
		}
	}
	if err := ctx.Err(); err != nil { // what was asked last was not refused, but cut short
		return survey.Survey{Trouble: survey.Of(fmt.Errorf("ask %s: %w", b.cfg.URL.Redacted(), err))}
	}
	b.manage(ctx, found)
	return survey.Survey{AMQP: found}
}

var _ broker.Surveyor = (*Broker)(nil)

func property(l *link, name string) string {
	text, _ := l.Properties[name].(string)
	return text
}

func lookForQueue(l *link, name string) *survey.Queue {
	e := entity{kind: kindQueue, name: name}
	q, err := e.inspect(l)
	if isCode(err, amqp.NotFound) {
		return &survey.Queue{Missing: true}
	}
	return &survey.Queue{Denied: denied(err), Err: err, Messages: q.Messages, Consumers: q.Consumers}
}

func lookForExchange(l *link, name string) *survey.Exchange {
	e := entity{kind: kindExchange, name: name}
	_, err := e.inspect(l)
	if isCode(err, amqp.NotFound) {
		return &survey.Exchange{Missing: true}
	}
	return &survey.Exchange{Denied: denied(err), Err: err}
}

// denied reports whether RabbitMQ refused to tell: for want of a right, or because
// a queue is another connection's alone.
func denied(err error) bool {
	return isCode(err, amqp.AccessRefused) || isCode(err, amqp.ResourceLocked)
}

// trouble knows what RabbitMQ answers to a connection that it does not want.
func trouble(err error) *survey.Trouble {
	var e *amqp.Error
	if errors.As(err, &e) {
		switch {
		case e.Code == amqp.AccessRefused:
			return &survey.Trouble{Kind: survey.Login, Err: err}
		case e.Code == amqp.NotAllowed && strings.Contains(e.Reason, "vhost"), e.Code == amqp.InvalidPath:
			return &survey.Trouble{Kind: survey.VHost, Err: err}
		case !e.Server:
			// The client has no words of its own for what is no AMQP.
			return &survey.Trouble{Kind: survey.Stranger, Err: err}
		}
	}
	return survey.Of(err)
}
