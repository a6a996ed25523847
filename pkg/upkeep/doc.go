// Package upkeep keeps the packs of each wiki few.
//
// Every save leaves a small pack. When enough of them have piled up, one holder of
// a lease folds them into consolidated packs ([gitstore.Repo.Fold]), names these in
// the wiki's record, and removes what they replaced once nobody can be reading it
// any more. Whoever calls it, and how often, does not matter: what is not due costs
// one read of the record.
//
// # The life of a fold
//
//  1. A page event (or an operator) asks a [Keeper] to tend a wiki. The record says
//     how many steps the head is ahead of the bases; below [Due] that is all.
//  2. The Keeper leases the wiki's upkeep. If somebody has it, it is busy, and that
//     is no error: what comes meanwhile is still counted by the record.
//  3. Fold writes a new base, durably. Killed here, it leaves a pack that nothing
//     names; the next fold of the same head writes the same name again.
//  4. The record gets the new list, if the lease is still ours. Steps of the head and
//     this change do not touch each other, so nobody who saves waits for it.
//  5. If the head has gone another [Due] steps on meanwhile, once more from 3.
//  6. What was consolidated long enough ago is removed, and the lease given back.
//
// Whoever reads with a list from before keeps finding its packs for an hour.
//
// # What it never does
//
// It never moves a head, never removes what a record names, and never touches a
// repository without the lease. [Keeper.Check] changes nothing at all.
package upkeep
