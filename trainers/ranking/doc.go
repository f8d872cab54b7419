// Package ranking recommends the best items for users, and measures recommendations.
//
// A model is a [Scorer]: it scores all items for a block of users. [TopK] keeps the best k of them for each user, without
// a table of all scores: memory is that of some blocks. [Evaluate] compares such lists with what users chose afterwards,
// among all items, unless it is given lists of candidates: figures among a sample of items are other figures (Krichene and Rendle, "On Sampled
// Metrics for Item Recommendation", KDD 2020), and the protocol says so.
//
// # Ties
//
// Items of equal score are in the order of a hash of their ids ([Ties]), never in that of their numbers: numbers follow
// from how a catalog was written down and may give the answer away.
//
// # Determinism
//
// Users are cut into blocks by the number of items, each user's list depends on his own scores alone, and means are
// summed in the order of users: any number of threads gives the same bits, if the scorer does.
package ranking
