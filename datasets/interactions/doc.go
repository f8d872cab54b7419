// Package interactions holds what users did with items as a sparse matrix, the input of recommenders.
//
// [Load] reads the sources of a [Config] – CSV, TSV, Parquet, JSON, logs and adjacency lists –, gives users and items
// numbers ([Vocabulary]), adds up repeated events and splits them into parts, each a [Matrix] in compressed sparse rows.
// A [Builder] does the same with events that come from elsewhere.
//
// # Ids
//
// Users and items are texts, kept as they stand in the file but for blanks around them: leading zeros, integers of any
// width, commas and emoji stay what they are. Vocabularies are sorted by bytes and hold the ids of all sources, those of
// validation and test too, so that an item nobody trained on is a candidate that is missed, not one that is overlooked.
//
// # Determinism
//
// Nothing depends on the order of rows or on the number of threads. The events of a user and an item are sorted by time,
// kind and value before they are added up in float64, and what is drawn is a function of the seed and the ids' texts.
//
// # Memory
//
// While rows are read, an event takes 12 bytes, 8 more where there are times and 1 more where there are several kinds or
// parts. Sorting takes as much once more without the user, 2 more with kinds, and up to 4 where pairs occur twice: for 200
// million events without times 2.4 GB, and 1.6 to 2.4 GB that fill while the first are given back. A pair in a matrix takes
// 8 bytes, 4 more where some pair occurs twice, 8 more with times, 2 more with kinds; a user 8 bytes; an id its text and 8
// bytes, and 16 to 24 more while reading. Parts are copies: what a split takes at its end is the pairs once more.
// [Matrix.Transpose] makes a second matrix of the same size.
package interactions
