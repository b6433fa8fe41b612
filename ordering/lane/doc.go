// Package lane decides what happens to the messages of one key, so that they
// leave in revision order and nothing is guessed.
//
// A [Lane] is a pure machine: it has no clock, does no I/O, starts no goroutine
// and imports nothing but the standard library. [Lane.Step] takes an [Event]
// and appends [Effect] values; the caller carries them out. Time enters as a
// value in [Event.At]. The state that has to survive a crash is [State], of a
// fixed size however many messages wait: waiting messages are rows of a store
// or values in the caller's memory, never a list in the state.
//
// # The caller's duties
//
//  1. Steps of one lane happen one after another, and effects are carried out
//     in the order given.
//  2. Before an [Arrive], the caller asks [Lane.Unsure] and, where it says so,
//     looks in its store whether that revision is parked or inside a skipped
//     range, and puts the answer into [Event.Known]. This look, and those for
//     Fetch, Retake and Expel, see what earlier steps asked to be stored,
//     whether it is committed yet or not.
//  3. [State] as it stands after a step is committed together with what the
//     step's effects ask to be stored (Park, Discharge, GiveUp, Refuse, Skip,
//     Settle), whole or not at all. Several steps may share one commit; the
//     last state wins.
//  4. After a commit the caller sends [Committed] with the committed
//     [State.Next]. The lane never publishes more than [Rules.MaxAhead]
//     revisions ahead of it, and nothing at all past a dead letter, a skip or
//     a discard that is not durable yet.
//  5. A message is acknowledged to its source only when it is durable: parked
//     and committed, or its revision is below the committed State.Next, or its
//     dead letter is committed. That is asked of the message, not only of its
//     revision: a parked one may have been expelled, and another come.
//  6. [Deliver] is answered by exactly one of [Confirmed], [Retry], [GaveUp] or
//     [Interrupted]. [Fetch] and [Retake] are answered by [Fetched]; then comes
//     Deliver. One delivery is in flight per lane, so a failed one cannot be
//     passed. After Interrupted the lane rests until any [Committed], or an
//     arrival. After Retry it rests until [Wake], which is sent also to a lane
//     that was loaded in mode [Waiting].
//  7. [Lane.Deadline] says when the lane wants a [Tick]. Ticks may come late,
//     early or twice.
//  8. The gap clock runs only while the source delivers: [Stopped] and
//     [Resumed] tell the lane, and [CaughtUp] that the source was seen empty.
//     Stopped also ends what CaughtUp and the time until then have said: a
//     source that comes back may have a backlog.
//     A lane remembers Stopped beyond its gap: whoever was told that is told
//     Resumed as well, at the latest when its mode becomes [Gap] or [Adopting].
//  9. [Expel] is answered by [Expelled] as soon as it is carried out, and what it
//     refused is committed together with the state after that. Until then nothing
//     is parked, not even under [Pressure].
package lane
