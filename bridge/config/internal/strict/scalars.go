package strict

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const wantDuration = "a duration such as 100ms, 30s or 1m"

// String is a text that is not empty.
func String() Scalar[string] {
	return Scalar[string]{
		Type: Text, Want: "a text", Show: showText[string],
		Shape: Schema{Type: "string", MinLength: 1},
		Parse: func(text string) (string, error) {
			if text == "" {
				return "", &Mismatch{Want: "a text that is not empty"}
			}
			if strings.IndexFunc(text, unicode.IsControl) >= 0 {
				return "", &Mismatch{Want: "a text without control characters"}
			}
			return text, nil
		},
	}
}

// Enum is one of some words.
func Enum[T ~string](words ...T) Scalar[T] {
	names := make([]string, len(words))
	for i, w := range words {
		names[i] = string(w)
	}
	return Scalar[T]{
		Type: Text, Want: orList(names), Show: showText[T],
		Shape: Schema{Type: "string", Enum: names},
		Parse: func(text string) (T, error) {
			for _, w := range words {
				if string(w) == text {
					return w, nil
				}
			}
			return "", &Mismatch{Hint: DidYouMean(text, names)}
		},
	}
}

func showText[T ~string](v T) any {
	if v == "" {
		return nil
	}
	return string(v)
}

// Int is a whole number from low to high.
func Int[T int | int64](low, high T) Scalar[T] {
	return Scalar[T]{
		Type: Number, Want: "a whole number", Show: showNumber[T],
		Shape: Schema{Type: "integer", Minimum: bound(float64(low)), Maximum: bound(float64(high))},
		Parse: func(text string) (T, error) {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return 0, err
			}
			if n < int64(low) || n > int64(high) {
				return 0, &Mismatch{Want: between(low, high)}
			}
			return T(n), nil
		},
	}
}

func between[T int | int64](low, high T) string {
	if int64(high) >= math.MaxInt32 {
		return fmt.Sprintf("a whole number from %d", low)
	}
	return fmt.Sprintf("a whole number from %d to %d", low, high)
}

// Float is a number from low to high; over says that low itself is too low.
func Float(low, high float64, over bool) Scalar[float64] {
	want := fmt.Sprintf("a number from %v to %v", low, high)
	shape := Schema{Type: "number", Minimum: bound(low), Maximum: bound(high)}
	if over {
		want = fmt.Sprintf("a number over %v, to %v", low, high)
		shape.Minimum, shape.ExclusiveMinimum = nil, bound(low)
	}
	return Scalar[float64]{
		Type: Number, Want: want, Show: showNumber[float64], Shape: shape,
		Parse: func(text string) (float64, error) {
			v, err := strconv.ParseFloat(text, 64)
			// Written so that NaN fails.
			if err != nil || !(v >= low && v <= high) || over && v == low {
				return 0, &Mismatch{}
			}
			return v, nil
		},
	}
}

func showNumber[T int | int64 | float64](v T) any {
	if v == 0 {
		return nil
	}
	return v
}

func bound(v float64) *float64 {
	if v >= math.MaxInt64 {
		return nil // no limit that a person meets, and not exact as a float
	}
	return &v
}

// Duration is a span of time of at least low.
func Duration(low time.Duration) Scalar[time.Duration] {
	return Scalar[time.Duration]{
		Type: Text, Want: wantDuration,
		Show: func(v time.Duration) any {
			if v == 0 {
				return nil
			}
			return showDuration(v)
		},
		Shape: Schema{Type: "string", Pattern: `^([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$`},
		Parse: func(text string) (time.Duration, error) {
			v, err := time.ParseDuration(text)
			switch {
			case err != nil && strings.TrimLeft(text, "0123456789.") == "d":
				return 0, &Mismatch{Hint: "in hours: 24h"}
			case err != nil:
				return 0, err
			case v < low:
				return 0, &Mismatch{Want: "at least " + showDuration(low)}
			}
			return v, nil
		},
	}
}

// showDuration is 1m where package time says 1m0s.
func showDuration(v time.Duration) string {
	if v == 0 {
		return "0s"
	}
	s := v.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Size is a number of bytes, at least 1.
func Size() Scalar[int64] {
	return Scalar[int64]{
		Type: Text | Number, Want: "a size such as 64MiB, 1GB or a number of bytes",
		Show:  func(v int64) any { return showText(showSize(v)) },
		Shape: Schema{AnyOf: []*Schema{{Type: "integer", Minimum: bound(1)}, {Type: "string", Pattern: `^[0-9]+ ?([kKMGT]i?)?B$`}, outside()}},
		Parse: parseSize,
	}
}

// units are longest first, because B ends them all.
var units = []struct {
	name string
	size int64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"kB", 1e3},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"kiB", 1 << 10},
	{"B", 1},
}

func parseSize(text string) (int64, error) {
	scale := int64(1)
	for _, u := range units {
		if number, ok := strings.CutSuffix(text, u.name); ok {
			text, scale = strings.TrimSuffix(number, " "), u.size
			break
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || n > math.MaxInt64/scale || strings.HasPrefix(text, "+") {
		return 0, &Mismatch{}
	}
	return n * scale, nil
}

func showSize(v int64) string {
	for _, u := range []int{3, 2, 1, 0} {
		if s := units[u].size; v >= s && v%s == 0 {
			return strconv.FormatInt(v/s, 10) + units[u].name
		}
	}
	if v == 0 {
		return ""
	}
	return strconv.FormatInt(v, 10) + "B"
}

// Flag is true or false.
func Flag() Scalar[bool] {
	return Scalar[bool]{
		Type: Bool, Want: "true or false", Shape: Schema{Type: "boolean"},
		Parse: func(text string) (bool, error) {
			if text != "true" && text != "false" {
				return false, &Mismatch{}
			}
			return text == "true", nil
		},
	}
}
