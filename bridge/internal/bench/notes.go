package main

import "fmt"

// notes are what a reader should know beside the table.
func (s series) notes() (all []string) {
	note := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if n := s.short(); n > 0 {
		note("%d of %d runs took less than %d s", n, len(s.Runs), s.Plan.Seconds)
	}
	if before := s.startCPU(); before > 0.05*s.CPU.Median {
		note("%.1f of its CPU s/M are from before its first message", before)
	}
	if late := s.share(lateOf); late > 0 {
		note("%.0f %% of its messages stand behind a successor in the source", 100*late)
	}
	if parked := s.share(parkedOf); parked > 0 {
		note("%.1f %% of its messages were parked on their way", 100*parked)
	}
	if s.Plan.Settled > 0 {
		note("ready after %s s", s.Ready)
	}
	return all
}

// startCPU is its start's part in its CPU per million messages.
func (s series) startCPU() float64 { return s.Start.Median * 1e6 / float64(max(s.Messages, 1)) }

// short counts the runs that calibration made too short.
func (s series) short() (n int) {
	for _, m := range s.Runs {
		if m.Seconds < float64(s.Plan.Seconds) {
			n++
		}
	}
	return n
}

// share is the part of the messages of all runs that were counted.
func (s series) share(of func(measure) int) float64 {
	n := 0
	for _, m := range s.Runs {
		n += of(m)
	}
	return float64(n) / float64(max(s.Messages*len(s.Runs), 1))
}

func lateOf(m measure) int   { return m.Late }
func parkedOf(m measure) int { return m.Parked }
