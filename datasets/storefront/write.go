package storefront

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"debut/datasets/atomicfile"
)

// The files that [WriteCSV] and [WriteNewSessions] write.
const (
	SessionsFile    = "sessions.csv"
	TruthFile       = "truth.csv"
	NewSessionsFile = "new_sessions.csv"
	NewTruthFile    = "new_truth.csv"
)

// WriteCSV simulates the shop and writes two files into dir, which is created
// where absent: [SessionsFile], one session a line under the header of
// [Columns], and [TruthFile] with session_id and probability. Each appears
// whole or not at all, the truth first. The error wraps [ErrConfig] where the
// configuration is at fault, otherwise that of the file system.
func WriteCSV(dir string, cfg Config) (Summary, error) {
	all, err := Simulate(cfg)
	if err != nil {
		return Summary{}, err
	}
	return writeFiles(dir, SessionsFile, TruthFile, all, true)
}

// WriteNewSessions writes the n sessions after those of [WriteCSV], at most
// cfg.Sessions, without their labels to [NewSessionsFile] and their
// probabilities to [NewTruthFile]. The summary counts the labels nobody sees.
// Errors are those of [WriteCSV].
func WriteNewSessions(dir string, cfg Config, n int) (Summary, error) {
	all, err := SimulateNew(cfg, n)
	if err != nil {
		return Summary{}, err
	}
	return writeFiles(dir, NewSessionsFile, NewTruthFile, all, false)
}

// writeFiles writes both files in one pass over the sessions. The truth is
// written inside the writing of the sessions, so it is complete before the
// sessions' file appears.
func writeFiles(dir, sessionsName, truthName string, all iter.Seq[Session], label bool) (Summary, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Summary{}, fmt.Errorf("storefront: create folder: %w", err)
	}
	var summary Summary
	err := atomicfile.Write(filepath.Join(dir, sessionsName), 0o644, func(table io.Writer) error {
		return atomicfile.Write(filepath.Join(dir, truthName), 0o644, func(truth io.Writer) error {
			var err error
			summary, err = writeTables(table, truth, all, label)
			return err
		})
	})
	if err != nil {
		return Summary{}, fmt.Errorf("storefront: write simulated sessions: %w", err)
	}
	return summary, nil
}

// writeTables streams the sessions and their truth as CSV.
func writeTables(table, truth io.Writer, all iter.Seq[Session], label bool) (Summary, error) {
	tableBuffer, truthBuffer := bufio.NewWriter(table), bufio.NewWriter(truth)
	header := columns
	if !label {
		header = header[:len(header)-1]
	}
	line := append([]byte(strings.Join(header, ",")), '\n')
	if _, err := tableBuffer.Write(line); err != nil {
		return Summary{}, err
	}
	if _, err := truthBuffer.WriteString("session_id,probability\n"); err != nil {
		return Summary{}, err
	}
	count := newSummarizer()
	for s := range all {
		count.add(&s)
		line = appendRow(line[:0], &s, label)
		if _, err := tableBuffer.Write(line); err != nil {
			return Summary{}, err
		}
		line = appendTruth(line[:0], &s)
		if _, err := truthBuffer.Write(line); err != nil {
			return Summary{}, err
		}
	}
	if err := tableBuffer.Flush(); err != nil {
		return Summary{}, err
	}
	if err := truthBuffer.Flush(); err != nil {
		return Summary{}, err
	}
	return count.summary(), nil
}
