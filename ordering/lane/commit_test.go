package lane

import "slices"

// startCommit and finishCommit store what was asked for, later than it was.
func (s *shell) startCommit() {
	if s.commit == nil {
		c := s.mem.clone()
		c.state = s.lane.State
		s.commit, s.dirty = &c, false
	}
}

func (s *shell) finishCommit() {
	if s.commit == nil {
		return
	}
	s.disk, s.commit = *s.commit, nil
	s.acknowledge()
	s.step(Event{Kind: Committed, Rev: s.disk.state.Next})
}

// acknowledge lets go of the copies that are durable.
func (s *shell) acknowledge() {
	s.taken = slices.DeleteFunc(s.taken, func(c taken) bool {
		durable := false
		switch c.want {
		case own:
			p, parked := s.disk.parked[c.rev] // an expelled one may have been there before
			_, ended := s.disk.ended(c.rev)
			durable = parked && p == c.print || ended || c.rev < s.disk.state.Next
		case refused:
			durable = s.disk.refused[c.message]
		case later:
			durable = s.disk.later[c.message]
		case unverified:
			durable = s.disk.owned(c.message) > 0 || s.disk.unverified[c.message]
		}
		if durable {
			s.model.acked(s, c.message)
		}
		return durable
	})
}

// crash loses everything that is not durable; the source delivers again what was
// not acknowledged.
func (s *shell) crash(received bool) {
	s.said = append(s.said, "crash")
	if s.pending != nil && s.pending.Verb == Deliver && received {
		s.model.received[s.pending.Rev] = true
	}
	for _, c := range s.taken {
		s.queue = append(s.queue, c.message)
	}
	s.taken, s.memory, s.loaded, s.pending, s.commit = nil, map[Revision]Print{}, nil, nil, nil
	s.mem = s.disk.clone()
	s.lane = New(s.rules, s.disk.state)
	s.wake = s.lane.Mode == Waiting
	s.model.crashed()
	s.step(Event{Kind: Committed, Rev: s.disk.state.Next})
}
