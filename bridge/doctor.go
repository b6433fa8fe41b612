package bridge

import (
	"context"
	"time"

	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/doctor"
)

// Examine looks at the brokers and the store of a file and says what will go wrong,
// without changing anything. Each broker is given timeout; 0: 10s.
func Examine(ctx context.Context, f *config.File, timeout time.Duration) doctor.Report {
	return doctor.Look(ctx, f, doctor.Options{Open: openSurveyor, Timeout: timeout})
}
