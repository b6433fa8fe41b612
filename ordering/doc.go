// Package ordering delivers messages in order, per key, by their revision: a
// number without gaps that each message carries. What arrives early waits, what
// arrives twice is dropped, and what is missing is known to be missing.
//
// A [Resequencer] is used in two ways. In anyone's Watermill router it is a
// middleware, [Resequencer.Middleware], in front of a handler. Inside the bridge
// it works on batches, [Resequencer.Batch]. In both cases [Resequencer.Run] must
// be running: it owns every goroutine of the Resequencer.
//
// # The path of a message
//
//	Take ─► identify ─► lane.Step ─► ready ─► next (publish) ─► settled ─► Commit ─► Ack
//	                        │                                     │
//	                        └─ hold · park · refuse · drop        └─ retry · dead letter
//
// One goroutine, the loop, owns all lanes and steps them; a few workers call the
// handler; one committer stores what the steps did, one commit at a time, and
// then acknowledges. So publishing overlaps committing, and waiting changes of a
// lane merge into one.
//
// # What holds at every line
//
//  1. A message is acknowledged only after the commit that makes it durable:
//     parked, settled or dead. Its revision below the committed checkpoint is
//     what "settled" means.
//  2. One delivery per lane is under way, so a failed one cannot be passed.
//  3. A commit that fails is tried again, paced; nothing is published again for
//     it. A conflict that is not our own earlier commit means another owner, and
//     stops the route.
//  4. A delivery whose broker session has ended may still be settled; its
//     acknowledgement then does nothing, and the copy that the broker sends again
//     is a duplicate.
//  5. Nothing is published for an operator before it is durable that it was asked
//     for. The audit row is part of the change, so there is no one without the
//     other.
//
// # The way out
//
// [Resequencer.Redrive], [Resequencer.Discard], [Resequencer.Skip] and
// [Resequencer.Release] are what an operator can do about a dead letter or a key
// that stands still. They go through the loop like messages do. Asked twice they
// do nothing twice.
package ordering
