// Package journal makes up traffic, writes down what was sent and what came of
// it, and judges the two against the bridge's promises. It knows no broker.
package journal
