package lane

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
)

// TestRandom plays many random conversations against the reference model: I1, I2
// and I4 for one lane. BRIDGE_TEST_FULL=1 plays more of them.
func TestRandom(t *testing.T) {
	runs := 800
	if os.Getenv("BRIDGE_TEST_FULL") != "" {
		runs = 5_000
	}
	seen := map[string]int{}
	for seed := range runs {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			for name, n := range play(t, randomBytes(uint64(seed))).seen {
				seen[name] += n
			}
		})
		if t.Failed() {
			return
		}
	}
	for _, names := range [][]string{verbNames[:], modeNames[:], reasonNames[1:]} {
		for _, name := range names {
			if seen[name] < 20 {
				t.Errorf("%q came up %d times: the conversations are too tame", name, seen[name])
			}
		}
	}
	t.Log(seen)
}

func randomBytes(seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, 100+rng.IntN(1500))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// FuzzLane plays the conversations that the fuzzer makes up.
func FuzzLane(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(randomBytes(seed)[:100])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1000 {
			return
		}
		play(t, b)
	})
}
