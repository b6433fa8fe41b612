//go:build race

package stock_test

import "go.uber.org/goleak"

// leftBehind is what the tests of lost_test.go leave running.
func leftBehind() []goleak.Option { return nil }
