// Package datasets turns raw tables into training data: it reads CSV, Parquet
// and JSON through DuckDB, infers and checks column types, removes duplicates,
// splits the rows, learns an encoding from the training rows alone, and holds
// the encoded result in memory. It knows nothing of models.
//
// The parts, in the order data meets them:
//
//	Config       what a run file says about its data
//	Read         files or a SQL query → Frame, typed columns as they are in the files
//	Load         Frame → deduplicated, split, encoded Dataset, with a Report
//	Part         the rows for training, validation or test, in memory or streamed
//	Encoder      what was learned from the training rows; saved with the model, and
//	             applied unchanged to rows seen later (Encode; Blocks, for sources
//	             larger than memory)
//	Encoded      dense numeric features and category ids, gathered by row for a batch
//	TableWriter  answers about rows → files, block by block
//
// What rows are like beside numbers and categories becomes numbers, too, so that
// items never seen before can be scored: ready-made vectors of images and texts,
// as lists in the rows or from .npy files, feed as many features as they have
// numbers; free text feeds the hashed n-grams of its words and characters.
//
// # Determinism
//
// The same files, configuration and seed give the same bits. DuckDB only
// decodes and, where asked, runs a query, on one thread so that the order of
// its rows is fixed; every statistic is computed in Go in row order, every
// vocabulary has a total order, and random splits come from package philox.
package datasets
