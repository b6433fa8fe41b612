package pebble

import (
	"log/slog"
)

func quiet() Options { return Options{Logger: slog.New(slog.DiscardHandler)} }
