//go:build race

package config

// raceDetector slows down and allocates by itself, so that limits are looser.
const raceDetector = true
