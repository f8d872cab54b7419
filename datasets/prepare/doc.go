// Package prepare turns exports of a shop into training data: one declarative
// file says which tables are read, what is done to the rows, how they are
// split, and where the result goes: a folder of Parquet files with a
// dataset.json beside them (package manifest).
//
// The work is done by DuckDB, out of core, one step after another. Each step is
// a SELECT over the step before; those that only compute within a row become
// views, those that have to look at all rows become tables. Config is the file,
// Run does what it says; pipeline.go holds the chain, the steps are in files of
// their own, split.go divides the rows and write.go writes them.
//
// # Determinism
//
// The same sources, configuration and seed give the same bytes, for any number
// of threads. Every row carries a number, the column __row, that is unique and
// follows from the sources' order alone; whatever depends on an order uses it as
// the last key. Random choices are hashes of the seed and that number. Sums of
// features are computed in decimal arithmetic, which is exact and so does not
// depend on the order of summands; means and deviations in dataset.json are
// summed in Go, in the order of the rows.
//
// # Leaks
//
// Features about events are computed from what happened before a row's own time
// (see Aggregate). Steps that learn from the data, such as a fill with the
// median, learn from the training rows alone: the split is drawn before the
// first of them.
package prepare
