// Package doctor looks at the brokers and the store of a topology file before a
// message moves, and says what will go wrong, why that hurts and what to do.
//
// It changes nothing: nothing is declared, read, written or committed, and no
// group is joined. The edges tell what is there
// ([github.com/brokerbridge/bridge/bridge/broker/survey]); what follows from it is
// decided here, from plain values. Every finding has a code of [Checks], which
// docs/doctor.md explains.
package doctor

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/survey"
	"github.com/brokerbridge/bridge/bridge/config"
)

// Severity says how bad a finding is.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // the route does not run so, or loses or misorders messages
	Warning Severity = "warning" // it runs, until something happens that does happen
	Note    Severity = "note"    // good to know
)

// Severities are all, the worst first.
var Severities = []Severity{Error, Warning, Note}

// Finding is one thing that was found.
type Finding struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	Broker   string   `json:"broker,omitempty"` // in the file; empty: the store
	Route    string   `json:"route,omitempty"`  // empty: it concerns the broker as a whole

	// Where the file has it. Line and column count from 1; 0 is the whole file.
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Path   string `json:"path,omitempty"`

	Found string `json:"found"`
	Why   string `json:"why"`          // why it hurts
	Do    string `json:"do,omitempty"` // one command or line of the file
}

// Report is all that was found.
type Report struct {
	File     string    `json:"file"`
	Findings []Finding `json:"findings"` // by place, the worst first
}

// Count is how many findings are of a severity.
func (r Report) Count(s Severity) (n int) {
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// Options are what a look needs.
type Options struct {
	// Open prepares a broker of the file, which is not in memory. Required.
	Open func(config.Broker) (broker.Surveyor, error)
	// Timeout is for each broker. Default 10s.
	Timeout time.Duration
}

// Look looks at all brokers at once, and at the store, and judges what is there.
func Look(ctx context.Context, f *config.File, o Options) Report {
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	e := &examination{file: f, uses: usesOf(f), surveys: map[string]survey.Survey{}}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, b := range f.Brokers {
		if b.Memory != nil {
			continue
		}
		plan := planFor(b.Name, e.uses)
		wg.Go(func() {
			found := look(ctx, b, plan, o)
			mu.Lock()
			defer mu.Unlock()
			e.surveys[b.Name] = found
		})
	}
	wg.Wait()
	e.brokers()
	e.routes()
	e.store()
	return e.report()
}

func look(ctx context.Context, b config.Broker, plan survey.Plan, o Options) survey.Survey {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	s, err := o.Open(b)
	if err != nil {
		return survey.Survey{Trouble: survey.Of(err)}
	}
	defer func() { _ = s.Close() }()
	return s.Survey(ctx, plan)
}

// examination is a look while it is judged.
type examination struct {
	file     *config.File
	uses     []use
	surveys  map[string]survey.Survey
	findings []Finding
	seen     *seen // of the store; nil: nobody has looked
}

// at is where a finding stands, and whom it concerns.
type at struct{ broker, route, path string }

// add notes a finding. Its code is in Checks.
func (e *examination) add(where at, s Severity, code, found, do string) {
	line, col := e.file.Pos(where.path)
	e.findings = append(e.findings, Finding{
		Code: code, Severity: s, Broker: where.broker, Route: where.route,
		Line: line, Column: col, Path: where.path,
		Found: found, Why: why(code), Do: do,
	})
}

// report puts the findings in order: those of a broker as a whole before those of
// its routes, and the worst first.
func (e *examination) report() Report {
	brokers := map[string]int{"": len(e.file.Brokers)}
	for i, b := range e.file.Brokers {
		brokers[b.Name] = i
	}
	routes := map[string]int{"": -1}
	for i, r := range e.file.Routes {
		routes[r.Name] = i
	}
	slices.SortStableFunc(e.findings, func(a, b Finding) int {
		return cmp.Or(
			brokers[a.Broker]-brokers[b.Broker],
			routes[a.Route]-routes[b.Route],
			slices.Index(Severities, a.Severity)-slices.Index(Severities, b.Severity),
		)
	})
	if e.findings == nil {
		e.findings = []Finding{}
	}
	return Report{File: e.file.Name, Findings: e.findings}
}
