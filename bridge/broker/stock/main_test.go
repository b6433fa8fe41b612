package stock_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

// Most of these tests wait for brokers most of the time, so many run at once.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, append(leftBehind(),
		// sarama counts with a library that has one goroutine for the life of a process.
		goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"),
	)...)
}
