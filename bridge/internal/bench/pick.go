package main

import (
	"fmt"
	"slices"
	"strings"
)

// pick has those of all that a flag asks for by name.
func pick[T fmt.Stringer](flag, asked string, all []T) ([]T, error) {
	if asked == "all" {
		return all, nil
	}
	var chosen []T
	for name := range strings.SplitSeq(asked, ",") {
		i := slices.IndexFunc(all, func(one T) bool { return one.String() == name })
		if i < 0 {
			return nil, fmt.Errorf("-%s %q: want all or some of %s", flag, asked, names(all))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func names[T fmt.Stringer](all []T) string {
	words := make([]string, len(all))
	for i, one := range all {
		words[i] = one.String()
	}
	return strings.Join(words, ",")
}
