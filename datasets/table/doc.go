// Package table reads tables of files – CSV, Parquet and JSON, or the result of a
// query over them – into typed columns, and writes such columns to files. It knows
// nothing of what columns are for: training, encoders and run files are the
// business of others.
//
// The parts:
//
//	Source       files or a query over them, as a configuration names them
//	Read         a source at once → Frame, whose Series are typed columns; Blocks reads
//	             it some rows at a time, RowGroups parts of a Parquet file
//	Open         a source as something to select from in SQL
//	Writer       columns → files, block by block
//
// DuckDB decodes the files and runs queries, on one thread, so that the order of
// rows is fixed. The types of texts are found out here, from all values of a column, so
// that a value that does not fit is an error (ValueError) that names file, line and
// column, and what to do.
package table
