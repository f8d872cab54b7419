package inspect

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"debut/datasets"
)

// rawColumn counts what the texts of a column of CSV files look like before
// they are read as values of a type.
type rawColumn struct {
	present int64 // texts that are not blank
	numbers int64
	commas  int64   // numbers with a decimal comma
	marks   []Count // marks of missing values, in order of appearance
	others  int64   // neither numbers nor marks nor blank
	strange []Example
	padded  int64 // with blanks before or after
	blank   []Example
}

// maxMarks bounds the marks remembered: spellings of a few words.
const maxMarks = 16

// rawFile is the result of a pass over CSV files.
type rawFile struct {
	rows    int64 // in the files
	bytes   int64 // of their fields
	columns []rawColumn
	lines   []uint32 // of the rows kept
	starts  []int    // index of the first row kept of each file
	files   []string
	ragged  error // the first record of another number of fields
}

// sampling says which rows are looked at.
type sampling struct{ threshold uint64 }

// sampleOf returns a sampling of about limit out of rows rows.
func sampleOf(limit, rows int64) sampling {
	return sampling{uint64(float64(limit) / float64(rows) * (1 << 32))}
}

const (
	// A multiplicative sequence with this constant, the golden ratio's, spreads the
	// sample evenly (Knuth, The Art of Computer Programming 3, 6.4).
	goldenRatio = 2654435761
	rowModulus  = 1 << 31 // keeps the product within SQL's BIGINT
	hashModulus = 1 << 32
)

// keeps reports whether a row, counted from 1, is in the sample.
func (s sampling) keeps(row int64) bool {
	return uint64(row%rowModulus)*goldenRatio%hashModulus < s.threshold
}

// sql is keeps in SQL.
func (s sampling) sql(row string) string {
	return fmt.Sprintf("(%s %% %d) * %d %% %d < %d", row, int64(rowModulus), int64(goldenRatio), int64(hashModulus), s.threshold)
}

// scanRaw passes over the files, whose first records were found to be written
// in form f, and counts what it finds in the rows kept; a nil sample keeps all.
// Where out is not nil, it gets the rows kept, in form f. Records of another
// number of fields are an error in a sample and noted otherwise. Lines are
// remembered of the first most rows kept.
func scanRaw(files []string, f form, sample *sampling, most int64, out *csv.Writer, canceled func() error) (*rawFile, error) {
	raw := &rawFile{columns: make([]rawColumn, len(f.fields)), files: files}
	for _, file := range files {
		raw.starts = append(raw.starts, len(raw.lines))
		err := records(file, f, func(line int, record []string) error {
			raw.rows++
			if raw.rows%4096 == 0 {
				if err := canceled(); err != nil {
					return err
				}
			}
			if sample != nil && !sample.keeps(raw.rows) {
				return nil
			}
			if len(record) != len(f.fields) && raw.ragged == nil {
				raw.ragged = &datasets.ValueError{
					Place:   fmt.Sprintf("%s:%d", base(file), line),
					Problem: fmt.Sprintf("found %d fields, expected %d", len(record), len(f.fields)),
					Remedy:  fmt.Sprintf("put quotes around a field that contains %q, or repair the line", f.delimiter),
				}
				if out != nil {
					return raw.ragged
				}
			}
			for i, text := range record {
				raw.bytes += int64(len(text)) + 1
				if i < len(raw.columns) {
					raw.columns[i].add(text, len(raw.lines))
				}
			}
			if int64(len(raw.lines)) < most {
				raw.lines = append(raw.lines, uint32(line))
			}
			if out != nil {
				return out.Write(record)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return raw, nil
}

// add counts a text of a row kept.
func (c *rawColumn) add(text string, row int) {
	trimmed := strings.TrimSpace(text)
	if len(trimmed) != len(text) && trimmed != "" {
		c.padded++
		if len(c.blank) < maxExamples {
			c.blank = append(c.blank, Example{Value: clip(text), row: row})
		}
	}
	if trimmed == "" {
		return
	}
	c.present++
	if _, ok := parseNumber(trimmed); ok {
		c.numbers++
		return
	}
	if isMark(trimmed) {
		i := slices.IndexFunc(c.marks, func(m Count) bool { return m.Value == trimmed })
		if i < 0 && len(c.marks) < maxMarks {
			i = len(c.marks)
			c.marks = append(c.marks, Count{Value: strings.Clone(trimmed)})
		}
		if i >= 0 {
			c.marks[i].Rows++
			return
		}
	}
	if decimalComma(trimmed) {
		c.commas++
	}
	c.others++
	if len(c.strange) < maxExamples {
		c.strange = append(c.strange, Example{Value: clip(trimmed), row: row})
	}
}

// place names a row kept.
func (r *rawFile) place(row int) string {
	if row < 0 || row >= len(r.lines) {
		return ""
	}
	i, found := slices.BinarySearch(r.starts, row)
	if !found {
		i--
	}
	for i+1 < len(r.starts) && r.starts[i+1] == row {
		i++ // past files of no rows
	}
	return fmt.Sprintf("%s:%d", base(r.files[i]), r.lines[row])
}

// maxExamples is how many examples a finding has.
const maxExamples = 3

// clip returns a copy of a value short enough to be shown.
func clip(text string) string {
	const limit = 60
	if len(text) <= limit {
		return strings.Clone(text)
	}
	n := limit
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}

// marks are texts that usually stand for a missing value.
var marks = map[string]bool{
	"na": true, "n/a": true, "#n/a": true, "null": true, "none": true, "nil": true, "nan": true, "-": true, "--": true, "?": true, "??": true, ".": true,
	"missing": true, "unknown": true, "undefined": true, "not available": true, "not applicable": true, "not set": true, "(not set)": true, "(none)": true, "(null)": true, "<na>": true, `\n`: true,
	"#div/0!": true, "#value!": true, "#ref!": true, "inf": true, "-inf": true, "+inf": true, "infinity": true, "-infinity": true,
}

func isMark(text string) bool { return len(text) <= 16 && marks[strings.ToLower(text)] }

// decimalComma reports whether a text is a number with a decimal comma, such as
// 36,61 or 1.234,5.
func decimalComma(s string) bool {
	whole, fraction, found := strings.Cut(strings.TrimLeft(s, "+-"), ",")
	return found && fraction != "" && whole != "" && strings.Trim(fraction, "0123456789") == "" && strings.Trim(whole, "0123456789.") == ""
}
