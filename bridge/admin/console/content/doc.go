// Package content makes readable what a message holds: a JSON body as a tree, bytes
// as a dump, headers with the types that they had, where a message comes from, and
// what differs between two bodies.
//
// What it returns is text of whoever sent the message, as it came: who shows it
// makes it safe to look at.
package content
