package main

import (
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/logs"
)

// logFlags say how a command logs.
type logFlags struct{ format, level choice }

func (f *logFlags) add(cmd *cobra.Command) {
	f.format.flag(cmd, "log-format", "", "how log lines are written", "text", "json")
	f.level.flag(cmd, "log-level", "", "the least that is logged", "info", "debug", "warn", "error")
}

// open makes a log in which nothing repeats without end. It is closed when the
// command is over, which says what was left out.
func (f *logFlags) open(w io.Writer) (log *slog.Logger, closed func()) {
	opts := &slog.HandlerOptions{ReplaceAttr: logs.Bounded, Level: map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}[f.level.value]}
	var to slog.Handler = slog.NewTextHandler(w, opts)
	if f.format.value == "json" {
		to = slog.NewJSONHandler(w, opts)
	}
	h := logs.New(to, logs.Options{})
	return slog.New(h), h.Close
}
