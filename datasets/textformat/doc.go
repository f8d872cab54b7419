// Package textformat reads the text formats in which sparse data, behavior
// logs and graphs are passed around:
//
//	libsvm     label [qid:n] index:value index:value … # comment
//	libfm      the same
//	libffm     label field:feature:value field:feature:value … # comment
//	log        user item [rating [time]]
//	adjacency  user item item item …, or user item:weight item:weight …
//
// [Read] hands the rows on in batches of columns; [Stage] makes a DuckDB table
// of them. Both work in memory that does not grow with the files, which may be
// compressed with gzip or zstd (told by their content, not by their names).
//
// # What is accepted
//
// Rows are lines. They end in LF or CR LF, the last one also in nothing; blank
// lines are left out, and so is a UTF-8 byte order mark. UTF-16 is an error.
// Fields of sparse rows are separated by blanks and tabs.
//
// In sparse rows, labels and values are decimal numbers, finite and, for
// values, within the range of float32. Indexes, features and fields are
// integers from 0 to 2147483647, and qid one from 0 to 2⁶³−1. They are handed
// on as they stand in the file, never shifted. Entries need not be in order:
// they are sorted by field and index. One that occurs twice in a row makes the
// row malformed, as nothing says which one is meant.
//
// Users and items are any UTF-8 text without NUL, blanks around it removed. A
// time is an integer, or a date, or a date and time as in ISO 8601 (UTC where
// it names no zone); the first one of the file decides which, and one of the
// other kind is malformed. A rating or a time may be missing where the
// delimiter is not the blank. Quotation marks mean nothing: files with quoted
// fields are CSV.
//
// # What is not
//
// A malformed row never ends in a guess: it is an error that names file, line,
// problem and remedy or, up to a limit that the caller sets, it is handed to
// the caller as it stands, and counted.
package textformat
