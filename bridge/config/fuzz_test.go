package config

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// FuzzParse: no file makes it panic, hang or fail without a fault; what loads is
// complete.
func FuzzParse(f *testing.F) {
	for _, kind := range []string{"good", "bad"} {
		for _, path := range corpus(f, kind) {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	for _, text := range hostile {
		f.Add([]byte(text[:min(len(text), 2_000)]))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if strings.Contains(string(data), "file:") {
			return // what this machine's files hold is not the fuzzer's to try
		}
		start := time.Now()
		file, err := Parse("bridge.yaml", data, corpusEnv)
		if took := time.Since(start); took > 5*time.Second {
			t.Fatalf("took %v", took)
		}
		if err != nil {
			faulty(t, err)
			return
		}
		complete := len(file.Brokers) > 0 && len(file.Routes) > 0
		for _, r := range file.Routes {
			complete = complete && r.Name != "" && len(r.From) > 0 && r.Order.By != "" && r.DeadLetter.Then != ""
			for _, from := range r.From {
				b, ok := file.Broker(from.Broker)
				complete = complete && ok && from.Name() != "" && (b.AMQP != nil || b.Kafka != nil || b.Memory != nil)
			}
		}
		if !complete {
			t.Fatalf("incomplete: %+v", file)
		}
		Unavailable(file)
	})
}

func faulty(t *testing.T, err error) {
	t.Helper()
	faults, ok := errors.AsType[Faults](err)
	if !ok || len(faults) == 0 {
		t.Fatalf("not faults: %v", err)
	}
	for _, f := range faults {
		if f.Msg == "" || f.File == "" || f.Line < 0 || strings.Contains(f.Error(), "\n") {
			t.Fatalf("%#v", f)
		}
	}
}
