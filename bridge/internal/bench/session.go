package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// results are all cases.
type results struct {
	Plan    plan              `json:"plan"`
	Machine map[string]string `json:"machine"`
	Began   time.Time         `json:"began"`
	Cases   map[string]report `json:"cases"`
}

// measure runs the cases. One that fails does not keep the others from it, and
// what was found before is written.
func (r *results) measure(ctx context.Context, s *stage, cases []experiment, ways []direction, file string) error {
	var failed error
	for _, c := range cases {
		fmt.Printf("\n%s: %s\n", c.name, c.about)
		found, err := c.run(ctx, s, r.Plan, ways)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", c.name, err))
		}
		if found != nil {
			r.Cases[c.name] = found
		}
		if err := r.write(file); err != nil || ctx.Err() != nil {
			return errors.Join(failed, err)
		}
	}
	return failed
}

func (r *results) write(file string) error {
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// table has all cases.
func (r *results) table(cases []experiment) string {
	var b strings.Builder
	for _, c := range cases {
		if found := r.Cases[c.name]; found != nil {
			fmt.Fprintf(&b, "\n%s: %s\n%s", c.name, c.about, found.table())
		}
	}
	return b.String()
}

// machine says where it was measured.
func machine() map[string]string {
	m := map[string]string{
		"go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH, "cpus": fmt.Sprint(runtime.NumCPU()),
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		m["load"] = strings.TrimSpace(string(load))
	}
	return m
}
