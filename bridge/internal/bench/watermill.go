package main

import (
	"context"
	"os"
)

// watermill is a service on stock Watermill: package stock, as a child.
var watermill = contender{name: "watermill", probe: 4000, start: startWatermill}

func startWatermill(_ context.Context, s *stage, p plan, sc scene, words *os.File) (mover, error) {
	return startServer(sc, words, 0, s.self, "-watermill", sc.errand(p).String())
}
