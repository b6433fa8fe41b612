package main

import (
	"encoding/json"
	"testing"
)

// FuzzReadLetter reads a line of an import. What is taken is whole, and says the same
// when it is written again.
func FuzzReadLetter(f *testing.F) {
	f.Add([]byte(`{"id":"1","key":"a","revision":7,"headers":[{"name":"h","value":{"size":1,"text":"v"}}],"body":{"size":0,"null":true}}`))
	f.Add([]byte(`{"id":"1","body":{"size":1,"base64":"AA=="}} {}`))
	f.Add([]byte(`{"id":"1","body":{"size":2,"text":"x"}}`))
	f.Add([]byte(`{"id":"1","unknown":1}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		l, err := readLetter(line)
		if err != nil {
			return
		}
		again, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if l, err = readLetter(again); err != nil || l.ID == "" || len(l.Body.Raw()) != l.Body.Size {
			t.Errorf("%s: %v", again, err)
		}
	})
}
