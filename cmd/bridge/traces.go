package main

import (
	"context"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/trace"

	"github.com/brokerbridge/bridge/bridge/otlp"
)

// traces are sent while the bridge runs, if the environment says where to.
type traces struct {
	to  *otlp.Provider // nil: nowhere
	log *slog.Logger
}

func startTraces(ctx context.Context, log *slog.Logger) (traces, error) {
	to, err := otlp.Start(ctx, os.Getenv, readVersion().Version, log)
	if err != nil {
		return traces{}, &exitError{invalid, err, "docs/tracing.md lists the variables; OTEL_SDK_DISABLED=true turns traces off"}
	}
	if to != nil {
		log.Info("traces are sent", "by", "OTLP")
	}
	return traces{to, log}, nil
}

// provider is nil where there are no traces: an interface that holds nothing.
func (t traces) provider() trace.TracerProvider {
	if t.to == nil {
		return nil
	}
	return t.to
}

// end sends what is left.
func (t traces) end(ctx context.Context) {
	if err := t.to.Close(ctx); err != nil {
		t.log.Warn("the last traces may be missing", "error", err)
	}
}
