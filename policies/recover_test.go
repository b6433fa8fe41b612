package policies

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
)

func TestRecoverMiddleware(t *testing.T) {
	for name, value := range map[string]any{"a text": "boom", "an error": errFlaky, "nil": nil} {
		t.Run(name, func(t *testing.T) {
			_, err := Recover{}.Middleware(func(*message.Message) ([]*message.Message, error) { panic(value) })(messages(1)[0])
			if ClassOf(err) != Permanent || ReasonOf(err) != "panic" {
				t.Fatalf("got %v, %v, %q", err, ClassOf(err), ReasonOf(err))
			}
			if !strings.Contains(err.Error(), "TestRecoverMiddleware") {
				t.Errorf("no stack in %v", err)
			}
			if cause, ok := value.(error); ok && !errors.Is(err, cause) {
				t.Errorf("the cause is lost")
			}
		})
	}
}

func TestRecoverMiddlewarePassesTheRest(t *testing.T) {
	out := messages(1)
	for _, want := range []error{nil, errFlaky} {
		got, err := Recover{}.Middleware(func(*message.Message) ([]*message.Message, error) { return out, want })(messages(1)[0])
		if err != want || !slices.Equal(got, out) {
			t.Errorf("got %v, %v", got, err)
		}
	}
}

func TestRecoverBatchBlamesTheGuiltyOnly(t *testing.T) {
	sizes := []int{}
	errs := Recover{}.Batch(func(msgs []*message.Message) []error {
		sizes = append(sizes, len(msgs))
		errs := make([]error, len(msgs))
		for i, m := range msgs {
			switch m.UUID {
			case "1":
				panic("boom")
			case "2":
				errs[i] = errFlaky
			}
		}
		return errs
	})(messages(4))
	if ReasonOf(errs[1]) != "panic" || errs[0] != nil || errs[2] != errFlaky || errs[3] != nil {
		t.Errorf("got %v", errs)
	}
	if !slices.Equal(sizes, []int{4, 1, 1, 1, 1}) {
		t.Errorf("called with %v", sizes)
	}
}

func TestRecoverBatchDoesNotTryASinglePanicTwice(t *testing.T) {
	calls := 0
	errs := Recover{}.Batch(func([]*message.Message) []error { calls++; panic("boom") })(messages(1))
	if calls != 1 || ReasonOf(errs[0]) != "panic" {
		t.Errorf("%v after %d calls", errs, calls)
	}
}

// Whoever keeps only the beginning of an error's text still sees whose panic it
// was.
func TestRecoverStackBeginsWithTheGuilty(t *testing.T) {
	for name, guilty := range map[string]Batch{
		"a panic":         func([]*message.Message) []error { panic("boom") },
		"a runtime error": func(m []*message.Message) []error { return times(len(m[len(m):][0].UUID), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			lines := strings.Split(Recover{}.Batch(guilty)(messages(1))[0].Error(), "\n")
			if !strings.HasPrefix(lines[0], "panic: ") || lines[1] != "" || strings.HasPrefix(lines[2], "{") {
				t.Errorf("it begins with %q", lines[:3])
			}
			if at := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "recover_test.go") }); at < 0 || at > 5 {
				t.Errorf("who panicked stands in line %d of\n%s", at, strings.Join(lines, "\n"))
			}
		})
	}
}

func TestRecoverStackIsBounded(t *testing.T) {
	var deep func(int) []error
	deep = func(n int) []error {
		if n == 0 {
			panic("boom")
		}
		return deep(n - 1)
	}
	errs := Recover{}.Batch(func([]*message.Message) []error { return deep(500) })(messages(1))
	if n := len(errs[0].Error()); n > maxStack+100 || n < maxStack {
		t.Errorf("%d bytes of error", n)
	}
}
