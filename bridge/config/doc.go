// Package config reads the topology file: which brokers there are, which
// routes run between them, and what happens to a message that is late,
// doubled or refused.
//
// Reading is strict. A key that is not known, a value of the wrong type or out
// of range, a broker nobody defined, two routes that would steal each other's
// messages: [Load] and [Parse] find all of it in one go and return [Faults],
// each with file, line, column, what was expected and, where it is likely, what
// was meant. A file that loads is complete: every setting that was left out
// holds its default, so that no consumer has defaults of its own.
//
// # Values from outside
//
// A value may be ${ENV}, ${ENV:-default} (used when ENV is unset or empty) or
// ${file:/run/secrets/x} (one trailing newline is removed), alone or inside a
// longer text; $$ stands for one dollar sign. What comes in this way is always
// one value, never YAML structure. Inside { } and [ ] such a value is quoted.
//
// # What a file may not contain
//
// Anchors, aliases, merge keys and tags are refused, as are several documents,
// more than 64 levels, 1 MiB, 20,000 lines and commas, or 1,000 routes. The file
// is UTF-8, with or without a byte order mark. These limits keep a hostile file
// from costing more than a tenth of a second.
//
// # Secrets
//
// Passwords and URLs that may hold one are [Secret]: they print as [redacted]
// wherever they are formatted, marshalled or logged. Faults show the text of the
// file (${AMQP_URL}), never what it stands for, and an excerpt of the file masks
// what is secret or looks like it.
//
// # Grammar and release
//
// The grammar covers settings that this release cannot run yet, so that a file
// keeps its meaning across releases. [Unavailable] lists the ones a file uses;
// whoever runs the file refuses it if there are any.
//
// This package imports no broker library and nothing else of the project.
package config
