// Package brokertest is what every broker's edge must do. Each edge runs it
// against the real broker, with what it can do said in data. The tests of an edge
// alone read its sources with a Reader, too.
package brokertest
