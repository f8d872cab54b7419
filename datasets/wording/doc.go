// Package wording has the words that messages about data share: how they quote a
// name or a value, list names, and call a file.
package wording
