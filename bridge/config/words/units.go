package words

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/config"
)

// span is a duration with its units, the two largest that it has: "1 min 30 s".
func span(d time.Duration) string {
	if d < time.Second {
		return number(float64(d)/float64(time.Millisecond)) + " ms"
	}
	if d < time.Minute {
		return number(d.Seconds()) + " s"
	}
	var parts []string
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}} {
		if n := d / unit.of; n > 0 && (unit.of < 24*time.Hour || n >= 2) { // 24h is what people write
			parts = append(parts, strconv.FormatInt(int64(n), 10)+" "+unit.name)
			d -= n * unit.of
		}
	}
	return strings.Join(parts[:min(2, len(parts))], " ")
}

// number has no more digits than it needs.
func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func percent(part float64) string {
	return number(float64(int64(part*10_000+0.5))/100) + " %"
}

// size is a number of bytes, exact where a unit fits it.
func size(n int64) string {
	for _, unit := range []struct {
		of   int64
		name string
	}{{1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= unit.of {
			return number(math.Floor(float64(n)*100/float64(unit.of))/100) + " " + unit.name
		}
	}
	return counted(n, "byte", "bytes")
}

func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

// thousands is a number as people read it: 10,000.
func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// either joins what one of must be so: "A, B or C".
func either(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = strconv.Quote(v)
	}
	if n := len(quoted); n > 1 {
		return strings.Join(quoted[:n-1], ", ") + " or " + quoted[n-1]
	}
	return strings.Join(quoted, "")
}

// fields are several that are joined.
func fields(all []config.Field) string {
	names := make([]string, len(all))
	for i, f := range all {
		names[i] = f.String()
	}
	return strings.Join(names, " with ")
}
