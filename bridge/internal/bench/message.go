package main

import (
	"encoding/binary"
	"fmt"
)

const revisionHeader = "revision"

// message is what is moved.
type message struct {
	key      string
	revision int64
	body     []byte
}

// numbered is the i-th message: its body begins with the number, so that it is
// known whatever a contender does to the headers.
func numbered(p plan, i int) message {
	body := make([]byte, p.Size)
	for at := range body {
		body[at] = byte(i + at)
	}
	binary.BigEndian.PutUint64(body, uint64(i))
	return message{key: fmt.Sprintf("key-%d", i%p.Keys), revision: int64(i/p.Keys) + 1, body: body}
}

func numberOf(body []byte) int { return int(binary.BigEndian.Uint64(body)) }
