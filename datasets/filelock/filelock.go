// Package filelock tells processes apart that write to one place: the lock of a
// file ends with the process that holds it, however that ends.
package filelock
