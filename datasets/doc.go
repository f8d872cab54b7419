// Package datasets makes training data of tables, as the data section of a run
// file says: it reads them (package table), removes duplicates, splits the rows,
// has an encoding learned from the training rows alone (package encoding), and hands
// out the encoded rows by batches. It knows nothing of models.
//
// The parts, in the order data meets them:
//
//	Config   what a run file says about its data
//	Load     tables → deduplicated, split, encoded Dataset, with a Report
//	Part     the rows for training, validation or test, in memory or streamed from
//	         prepared data
//	Batches  the rows of a part in the order of an epoch
//
// # Determinism
//
// The same files, configuration and seed give the same bits: tables are read in
// the order of their rows, every statistic is computed in row order, every
// vocabulary has a total order, and random splits come from package philox.
package datasets
