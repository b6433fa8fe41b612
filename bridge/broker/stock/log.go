package stock

import (
	"log/slog"

	"github.com/ThreeDotsLabs/watermill"
)

// quiet keeps the clients' own story in the log of who asks for it: what matters
// of it is told through State.
var quiet = map[slog.Level]slog.Level{
	slog.LevelInfo: slog.LevelDebug, slog.LevelWarn: slog.LevelDebug, slog.LevelError: slog.LevelDebug,
}

// ear hears what a client says to its logger and to nobody else: that it has
// begun to consume, and what went wrong.
type ear struct {
	watermill.LoggerAdapter
	info   func(msg string)
	failed func(msg string, err error)
}

func listen(log *slog.Logger, info func(string), failed func(string, error)) watermill.LoggerAdapter {
	return ear{watermill.NewSlogLoggerWithLevelMapping(log, quiet), info, failed}
}

func (e ear) Info(msg string, fields watermill.LogFields) {
	e.LoggerAdapter.Info(msg, fields)
	if e.info != nil {
		e.info(msg)
	}
}

func (e ear) Error(msg string, err error, fields watermill.LogFields) {
	e.LoggerAdapter.Error(msg, err, fields)
	if e.failed != nil && err != nil {
		e.failed(msg, err)
	}
}

// With keeps the ear.
func (e ear) With(fields watermill.LogFields) watermill.LoggerAdapter {
	e.LoggerAdapter = e.LoggerAdapter.With(fields)
	return e
}
