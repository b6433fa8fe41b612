package main

import "encoding/binary"

const revisionHeader = "revision"

// message is what is moved.
type message struct {
	key      string
	revision int64
	body     []byte
}

// bodyOf begins with the message's number, so that it is known whatever a
// contender does to the headers.
func bodyOf(i, size int) []byte {
	body := make([]byte, size)
	for at := range body {
		body[at] = byte(i + at)
	}
	binary.BigEndian.PutUint64(body, uint64(i))
	return body
}

func numberOf(body []byte) int { return int(binary.BigEndian.Uint64(body)) }
