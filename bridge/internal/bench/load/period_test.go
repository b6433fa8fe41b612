package load

import (
	"math"
	"testing"
	"time"
)

var noon = time.Unix(1_700_000_000, 0)

// due is a message that was due so long after noon, and took so long.
func due(after, took time.Duration) Arrival {
	return Arrival{Due: noon.Add(after), At: noon.Add(after + took)}
}

func TestAPeriodTimesWhatWasDueInIt(t *testing.T) {
	p := NewPeriod(noon, time.Second)
	p.Note(due(-time.Nanosecond, time.Minute))
	p.Note(due(time.Second, time.Minute))
	for i := range 1000 {
		p.Note(due(time.Duration(i)*time.Millisecond, time.Duration(i+1)*time.Microsecond))
	}
	for percent, want := range map[float64]float64{50: 0.5, 99: 0.99, 99.9: 0.999, 100: 1} {
		if got := p.Took(percent); math.Abs(got-want) > 0.002 {
			t.Errorf("p%v is %v ms, want %v", percent, got, want)
		}
	}
	if got := p.Rate(); math.Abs(got-1000) > 1 {
		t.Errorf("the rate is %v, want 1000", got)
	}
}

func TestWhoFallsBehindIsSlow(t *testing.T) {
	p := NewPeriod(noon, time.Second)
	for i := range 100 {
		p.Note(due(time.Duration(i)*10*time.Millisecond, time.Duration(i)*10*time.Millisecond))
	}
	if got, want := p.Rate(), 100/1.98; math.Abs(got-want) > 0.01 {
		t.Errorf("the rate is %v, want %v", got, want)
	}
}

// A clock may be put back, and a message may be lost for hours.
func TestLatenciesThatCannotBeAreBounded(t *testing.T) {
	p := NewPeriod(noon, time.Second)
	p.Note(due(0, -time.Hour))
	p.Note(due(0, 24*time.Hour))
	if least, most := p.Took(0), p.Took(100); least != 0 || math.Abs(most-float64(longest.Milliseconds())) > 0.01*most {
		t.Errorf("from %v to %v ms", least, most)
	}
}
