//go:build !unix

package main

func setUp() error { return nil }

func shortOfFiles(_ error, message string) string { return message }
