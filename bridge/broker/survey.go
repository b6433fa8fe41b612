package broker

import (
	"context"

	"github.com/brokerbridge/bridge/bridge/broker/survey"
)

// Surveyor is a [Broker] that can be looked at without changing anything.
type Surveyor interface {
	// Survey looks at what is planned. What cannot be told is said in the survey, so
	// there is no error. It ends with ctx, with what is known by then.
	Survey(ctx context.Context, plan survey.Plan) survey.Survey
	Close() error
}
