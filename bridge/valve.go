package bridge

import (
	"sync"

	"github.com/brokerbridge/bridge/bridge/broker"
)

// valve lets the sources of a route deliver while nothing keeps it shut: an
// outage of the target, an operator, the end of the run.
type valve struct {
	mu               sync.Mutex
	sources          []broker.Source
	outage, operator bool
	ended            bool
}

// attach takes the sources of a new run.
func (v *valve) attach(sources []broker.Source) {
	v.set(func() { v.sources, v.outage, v.ended = sources, false, false })
}

// forOutage shuts it while the target is away.
func (v *valve) forOutage(shut bool) { v.set(func() { v.outage = shut }) }

// byOperator shuts it until the operator resumes the route.
func (v *valve) byOperator(shut bool) { v.set(func() { v.operator = shut }) }

// end shuts it for the rest of the run.
func (v *valve) end() { v.set(func() { v.ended = true }) }

func (v *valve) set(change func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change()
	for _, s := range v.sources {
		if v.outage || v.operator || v.ended {
			s.Pause()
		} else {
			s.Resume()
		}
	}
}
