package main

import (
	"runtime"
	"strconv"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/bench/proc"
)

// cost notes what a run took from the machine. What is not known stays 0.
func (m *measure) cost(p plan, of cost, brokers time.Duration) {
	m.CPU = perMillion(of.cpu, p.Messages)
	m.Start = of.start.Seconds()
	m.Brokers = perMillion(brokers, p.Messages)
	m.RSS = float64(of.memory) / (1 << 20)
	m.Ready = of.ready.Seconds()
}

func perMillion(d time.Duration, n int) float64 { return d.Seconds() * 1e6 / float64(n) }

// findBrokers notes the brokers' processes, where scripts/brokers started them as
// such.
func (s *stage) findBrokers() {
	s.brokers = map[kind]int{}
	if runtime.GOOS != "linux" {
		return
	}
	for _, k := range []kind{rabbitMQ, kafka} {
		said, err := brokersScript("pid", string(k))
		if pid, err2 := strconv.Atoi(said); err == nil && err2 == nil {
			s.brokers[k] = pid
		}
	}
}

// brokersCPU is what the brokers of a direction have used so far; 0 if that is
// not known of all.
func (s *stage) brokersCPU(way direction) (sum time.Duration) {
	pids := map[int]bool{s.brokers[way.From]: true, s.brokers[way.To]: true}
	for pid := range pids {
		used, err := proc.CPU(pid)
		if err != nil {
			return 0
		}
		sum += used
	}
	return sum
}
