// Package tries says what is kept of a message's failed tries in the words of the API,
// and reads that back where it was exported.
package tries

import (
	"math"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/ordering/store"
)

// Of says a try.
func Of(t store.Try) api.Try {
	return api.Try{
		At: t.At, Took: t.Took.Seconds(), Class: t.Class, Error: t.Error,
		Trace: t.Trace.String(), Span: t.Trace.SpanString(), Redrives: t.Redrives,
	}
}

// Log is what was exported of the tries of a message.
func Log(l *api.Letter) *store.TryLog {
	all := make([]store.Try, len(l.Tries))
	for i, t := range l.Tries {
		all[i] = store.Try{
			At: t.At, Took: time.Duration(math.Round(t.Took * 1e9)), Class: t.Class, Error: t.Error,
			Trace: store.ParseTrace(t.Trace, t.Span), Redrives: t.Redrives,
		}
	}
	return store.NewTryLog(all, l.TriesOmitted, l.Redrives)
}
