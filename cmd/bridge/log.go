package main

import (
	"io"
	"log/slog"

	"github.com/spf13/cobra"
)

// logFlags say how a command logs.
type logFlags struct{ format, level choice }

func (f *logFlags) add(cmd *cobra.Command) {
	f.format.flag(cmd, "log-format", "", "how log lines are written", "text", "json")
	f.level.flag(cmd, "log-level", "", "the least that is logged", "info", "debug", "warn", "error")
}

func (f *logFlags) open(w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}[f.level.value]}
	if f.format.value == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
