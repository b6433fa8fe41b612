// Command bridge moves messages between brokers, per key in revision order, and
// lets operators see what was given up and which keys wait. See bridge --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(execute(untilSignal(), os.Args[1:], os.Stdout, os.Stderr))
}

// untilSignal is a context that ends with the first signal to stop. A second one
// ends the process at once: whoever asks twice does not want to wait for what is
// under way, and nothing is lost by it, a restart delivers it again.
func untilSignal() context.Context {
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		stop()
		<-signals
		os.Exit(failed)
	}()
	return ctx
}
