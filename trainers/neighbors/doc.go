// Package neighbors is collaborative filtering by neighbors: items are recommended that resemble those of the user
// ([FitItems]), or that users with a similar history chose ([FitUsers]).
//
// Both rest on one thing: rows of a sparse matrix, weighted ([Settings.Weighting]), compared with each other
// ([Settings.Similarity]) and shrunk where few columns are common ([Settings.Shrinkage]); of each row's similarities the best
// k are kept in a [Graph]. For items, rows are items and columns users; for users the other way round.
//
// Similarities that are not above 0 are dropped: what two rows have not in common says little in data of choices.
//
// Items can also be related by weights that are learned to tell what a user has from what else he has ([FitEASE], [FitSLIM]). They are a graph
// as similarities are, of which those of EASE may be below 0. [FitSpectral] finds weights by a filter of the graph of users and items.
//
// # Memory
//
// A graph takes 8 bytes for each neighbor kept and 8 for each row, and as much again while it is made; a model of items
// holds it by rows and by columns. Fitting holds the weighted matrix twice, by rows and by columns, and 16 bytes a row for
// each thread, 48 for pearson. EASE and the spectral filter hold a matrix of items by items, SLIM the products of all items that some user has both of. Neighbors = 0 keeps all of them, which may be as many as rows squared.
//
// # Determinism
//
// Rows are cut into blocks by their work, each similarity is summed in float64 in the order of columns by one goroutine,
// and ties go by a hash of ids: any number of threads gives the same bits.
package neighbors
