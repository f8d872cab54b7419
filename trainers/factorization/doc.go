// Package factorization recommends by factors: a short vector for each user and each item, whose product says how much of the item the
// user wants, or which rating he would give.
//
//	config.go     the run file            run.go      a run's task, trained step by step      state.go   what a checkpoint holds
//	algorithm.go  what an algorithm is    factors.go  scores and similarity                   search.go  settings chosen on validation
//	als.go        alternating least squares                bpr.go   Bayesian personalized ranking     model.go   the model folder
//	sgd.go        ratings by gradient steps                bias.go  ratings by biases alone           folding.go new users and items
//	simplex.go    cosine contrast, a graph of the engine, whose batches simplexbatch.go draws and whose first factors spectral.go finds
//	steps.go      stochastic gradient steps by blocks that share no row (schedule.go, negatives.go); rounds.go makes a fitter of them
//	mirror.go     memory that the host and a GPU see       lists.go lists that are made on a GPU
//
// An algorithm is a row of the table in algorithm.go: which keys of the model section are its own, and how it begins. What it begins
// is a fitter, which trains on one batch after another, or it solves for the factors in one go; everything else – epochs, checkpoints, early
// stopping, the model folder, recommendation – is shared.
//
// Models of sgd, bias, and als with explicit feedback are of ratings ([recommender.TaskRating]): they are measured by how far predictions are
// off, and predict; a model of biases is one of no factors.
//
// # Determinism
//
// Rows of factors are fitted each by itself, sums over them run in their order, gradient steps are taken in an order that follows from the seed, and
// first factors come from a counter-based generator keyed by seed, row and column: any number of threads gives the same bits.
package factorization
