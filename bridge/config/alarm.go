package config

import "time"

// Events is where the bridge tells programs of what happens to messages that are
// not simply delivered.
type Events struct {
	// To is a queue, a topic, or an exchange with a fixed routing key, of their own.
	// Nil, the default, written `off`: nobody is told.
	To *To
}

// Alarms are the limits at which a person is told. Each counts for one route; 0,
// written `off`, is none. An alarm stops nothing, and nothing is deleted for it.
type Alarms struct {
	// Off is true after `alarms: off`.
	Off bool

	// DeadLetters is how many there may be. Default 1000.
	DeadLetters int64

	// DeadLetterAge is how old the oldest may become. Default 24h.
	DeadLetterAge time.Duration

	// Parked is how many messages may wait in the store. Default off.
	Parked int64

	// ParkedAge is for how long a key may wait with messages in the store. Default 24h.
	ParkedAge time.Duration

	// OpenSkips is how many skipped ranges may be open: until an operator closes
	// them. Default 1.
	OpenSkips int64

	// QuarantinedKeys is how many keys may wait for a person. Default 100.
	QuarantinedKeys int64

	// UnsentEvents is how many events may wait to be sent. Default 100,000.
	UnsentEvents int64

	// Webhook is who is told, beside the log. Nil, the default, written `off`: nobody.
	Webhook *Webhook
}

// Webhook is an HTTP server that is told of alarms. Text alone is its URL.
type Webhook struct {
	// URL is http or https. It may hold a secret. Required.
	URL Secret

	// Bearer, when set, is sent as Authorization: Bearer.
	Bearer Secret

	// PerMinute is how many calls there are, at most. Default 10.
	PerMinute int

	// Path is where the webhook stands in the file, for [File.Pos].
	Path string
}

// Owner is whose a route is. Text alone is the name.
type Owner struct {
	// Name is shown with the route, and stands in its events and alarms. Empty, the
	// default, written `off`: nobody's.
	Name string

	// Webhook is told of the route's alarms, beside that of [Alarms].
	Webhook *Webhook
}
