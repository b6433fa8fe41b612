package main

import (
	"fmt"
	"strings"
)

// inEach is the report of a case that measures each direction by itself.
type inEach[T report] struct {
	Directions []T `json:"directions"`
}

func eachWay[T report](ways []direction, measure func(direction) (T, error)) (report, error) {
	r := &inEach[T]{}
	for _, way := range ways {
		found, err := measure(way)
		if err != nil {
			return r, fmt.Errorf("%s: %w", way, err)
		}
		r.Directions = append(r.Directions, found)
		fmt.Println("\n" + found.table())
	}
	return r, nil
}

func (r *inEach[T]) table() string {
	var b strings.Builder
	for _, d := range r.Directions {
		b.WriteString("\n" + d.table())
	}
	return b.String()
}
