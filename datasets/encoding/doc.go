// Package encoding learns from the training rows how columns become numbers, and
// makes these numbers of any rows, those of training and those seen later.
//
// The parts:
//
//	Column, Defaults  what a configuration says of columns
//	FitColumn         a column of training rows → ColumnEncoding: fill values, scales,
//	                  vocabularies; FitTarget: the task and its classes
//	Encoder           all that was learned; saved with the model, and applied
//	                  unchanged to rows seen later (Encode; Blocks, for sources larger
//	                  than memory)
//	Encoded           dense numeric features and category ids, gathered by row for a batch
//
// What rows are like beside numbers and categories becomes numbers, too, so that
// items never seen before can be scored: ready-made vectors of images and texts,
// as lists in the rows or from .npy files, feed as many features as they have
// numbers; free text feeds the hashed n-grams of its words and characters.
//
// Every statistic is computed in row order, every vocabulary has a total order: the
// same rows and settings give the same bits.
package encoding
