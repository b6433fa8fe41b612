package e2e_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/internal/e2e/child"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// sagaEnds is how the orders of examples/saga end, with what was done for each and
// how often, wherever the process was killed.
const sagaEnds = `
A-1 done [charged 1, receipts 1, reserved 1, handed over 1]
A-2 cancelled: there is no unicorn [charged 1, refunded 1]
A-3 cancelled: there is no unicorn [charged 1, refunded 1]
A-4 cancelled: stock does not answer [charged 1, refunded 1, released 1, reserved 1]
`

// TestSaga_Kill9 runs examples/saga, an order saga on stock clients, and kills it at
// each boundary of a step.
func TestSaga_Kill9(t *testing.T) {
	t.Parallel()
	path, err := child.Build(t.TempDir(), "saga", "./examples/saga")
	if err != nil {
		t.Fatal(err)
	}
	// Not killed at all: as a newcomer runs it.
	t.Run("story", func(t *testing.T) {
		t.Parallel()
		tmp := t.TempDir()
		s := &sagaRun{t: t, path: path}
		s.ends("TMPDIR=" + tmp)
		if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
			t.Errorf("it leaves %v, %v", left, err)
		}
		s.tells("payment !!! ALARM !!! refund of order A-3 is a dead letter", "operator has mended the account, and redrives the refund",
			"payment refunded 90 EUR", "A-3 saga cancelled", "saga tells stock to release: stock does not answer")
	})
	// One history with a crash at each point: the process dies where it did not die
	// before, until it has been everywhere.
	t.Run("each point", func(t *testing.T) {
		t.Parallel()
		for _, point := range killEach(t, path) {
			if rig.Full() {
				t.Run(point, func(t *testing.T) {
					t.Parallel()
					s := newSagaRun(t, path)
					s.dies("SAGA_FAIL=" + point)
					s.ends()
				})
			}
		}
	})
	// The deadline passes while nobody is there to see it.
	t.Run("deadline", func(t *testing.T) {
		t.Parallel()
		s := newSagaRun(t, path)
		s.dies("SAGA_FAIL=saga/forgotten/A-4.saga.stock.1") // stock was told to reserve
		time.Sleep(time.Second)
		s.ends()
	})
	t.Run("any moment", func(t *testing.T) {
		t.Parallel()
		s := newSagaRun(t, path)
		for range size(8, 24) {
			s.killAfter(time.Duration(20+rand.IntN(700)) * time.Millisecond)
		}
		s.ends()
	})
}

// killEach returns the points at which the process was killed.
func killEach(t *testing.T, path string) []string {
	t.Helper()
	s := newSagaRun(t, path)
	list := filepath.Join(t.TempDir(), "points")
	for crashes := 0; s.run("SAGA_FAIL_EACH="+list) != nil; crashes++ {
		s.wasKilled()
		if crashes == 500 {
			t.Fatal("there are ever new points")
		}
	}
	s.ends()
	text, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	// A point that nobody passes any more is crashed at in vain.
	for _, point := range []string{
		"saga/received/A-1.customer.saga.1", "saga/committed/A-1.customer.saga.1", "saga/checkpointed/A-1.customer.saga.1",
		"saga/sending/A-1.saga.payment.1", "saga/published/A-1.saga.payment.1", "saga/forgotten/A-1.saga.payment.1",
		"bank/moved/A-1.saga.payment.1", "shipping/committed/A-1.saga.shipping.1", "payment/committed/A-1.saga.payment.2",
		"payment/given up/A-3.saga.payment.2", "payment/checkpointed/A-3.saga.payment.2", "payment/redriven/A-3.saga.payment.2",
		"saga/sending/A-4.saga.stock.2", "stock/committed/A-4.saga.stock.2",
	} {
		if !strings.Contains(string(text), point+"\n") {
			t.Errorf("nothing passes %s", point)
		}
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// sagaRun is examples/saga, run again and again.
type sagaRun struct {
	t     *testing.T
	path  string
	args  []string
	out   string // of the last run
	state *os.ProcessState
}

// newSagaRun runs it on one directory.
func newSagaRun(t *testing.T, path string) *sagaRun {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() { noQueues(t, filepath.Join(dir, "queues")) })
	return &sagaRun{t: t, path: path, args: []string{"-dir", dir}}
}

// run runs it to its end, whatever that is.
func (s *sagaRun) run(env ...string) error {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), settleTimeout)
	defer cancel()
	err := s.runUntil(ctx, env...)
	if ctx.Err() != nil {
		s.t.Fatalf("it does not end: %v\n%s", err, s.out)
	}
	return err
}

// killAfter kills it at a moment that it does not choose, unless it ends before.
func (s *sagaRun) killAfter(d time.Duration) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), d)
	defer cancel()
	if err := s.runUntil(ctx); err != nil {
		s.wasKilled()
	}
}

// runUntil runs it until it ends, or the context does.
func (s *sagaRun) runUntil(ctx context.Context, env ...string) error {
	s.t.Helper()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, s.path, s.args...)
	cmd.Env = append(append(cmd.Environ(), "AMQP_URL="+rig.AMQP(s.t)), env...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	s.out, s.state = out.String(), cmd.ProcessState
	if s.state == nil {
		s.t.Fatalf("it does not start: %v", err)
	}
	return err
}

// dies runs it until it kills itself.
func (s *sagaRun) dies(env string) {
	s.t.Helper()
	if err := s.run(env); err == nil {
		s.t.Fatalf("it was not killed\n%s", s.out)
	}
	s.wasKilled()
}

func (s *sagaRun) wasKilled() {
	s.t.Helper()
	if status, ok := s.state.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		s.t.Fatalf("it ended by itself: %v\n%s", s.state, s.out)
	}
}

// ends runs it once more, and checks what became of the orders.
func (s *sagaRun) ends(env ...string) {
	s.t.Helper()
	if err := s.run(env...); err != nil || !strings.HasSuffix(s.out, sagaEnds) {
		s.t.Errorf("it ended with %v, and should end with %s\n%s", err, sagaEnds, s.out)
	}
}

// tells checks what a run has said, in this order, spaces apart.
func (s *sagaRun) tells(parts ...string) {
	s.t.Helper()
	rest := strings.Join(strings.Fields(s.out), " ")
	for _, part := range parts {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			s.t.Errorf("it does not say %q, or not then\n%s", part, s.out)
			return
		}
		rest = after
	}
}

// noQueues checks that the queues whose prefix a file has are gone.
func noQueues(t *testing.T, file string) {
	prefix, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
		return
	}
	conn, err := amqp.Dial(rig.AMQP(t))
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = conn.Close() }()
	for _, topic := range []string{"saga", "payment", "stock", "shipping"} {
		ch, err := conn.Channel() // a failed question closes its channel
		if err != nil {
			t.Error(err)
			return
		}
		name := strings.TrimSpace(string(prefix)) + "." + topic
		if q, err := ch.QueueDeclarePassive(name, true, false, false, false, nil); err == nil {
			t.Errorf("queue %s is left, with %d messages", q.Name, q.Messages)
			_, _ = ch.QueueDelete(name, false, false, false)
		}
	}
}
