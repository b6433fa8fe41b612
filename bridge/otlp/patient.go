package otlp

import (
	"context"
	"log/slog"
	"sync"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// sayAgain is how long nothing is said of a collector of which something was said.
const sayAgain = time.Minute

// patient takes the failures of an exporter for what they are: spans that are lost,
// of which somebody should know, but not each time.
type patient struct {
	sdk.SpanExporter
	log  *slog.Logger
	over context.Context // nobody waits any more

	mu   sync.Mutex
	lost int       // since it was said last
	said time.Time // when
}

// ExportSpans never fails: the SDK would tell everybody in this process.
func (p *patient) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.over, cancel)()
	if err := p.SpanExporter.ExportSpans(ctx, spans); err != nil {
		p.failed(len(spans), err)
	}
	return nil
}

func (p *patient) failed(n int, err error) {
	p.mu.Lock()
	p.lost += n
	lost := p.lost
	say := p.said.IsZero() || time.Since(p.said) >= sayAgain
	if say {
		p.lost, p.said = 0, time.Now()
	}
	p.mu.Unlock()
	if say {
		p.log.Warn("traces cannot be sent and are dropped; messages go on", "spans", lost, "error", err)
	}
}
