package main

import (
	"io"
	"os"
	"slices"
	"strings"
	"sync"
)

// killer ends the process as kill -9 does, for tests: at the point that SAGA_FAIL
// names, and at each point, once, that the file SAGA_FAIL_EACH does not list yet.
// A point is service/moment/message.
type killer struct {
	mu       sync.Mutex
	at, each string
}

func newKiller() *killer {
	return &killer{at: os.Getenv("SAGA_FAIL"), each: os.Getenv("SAGA_FAIL_EACH")}
}

// reached is called at each point.
func (k *killer) reached(point string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if point != k.at && !k.isNew(point) {
		return
	}
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
	}
	select {} // nothing happens between the signal and the end
}

// isNew reports whether a point is not in the list yet, and adds it.
func (k *killer) isNew(point string) bool {
	if k.each == "" {
		return false
	}
	list, err := os.OpenFile(k.each, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return false
	}
	defer func() { _ = list.Close() }()
	text, err := io.ReadAll(list)
	if err != nil || slices.Contains(strings.Split(string(text), "\n"), point) {
		return false
	}
	_, err = list.WriteString(point + "\n")
	return err == nil
}
