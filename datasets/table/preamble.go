package table

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"debut/datasets/notation"
	"debut/datasets/wording"
)

// maxTitles is how many lines above a table are looked at.
const maxTitles = 20

// layout finds the delimiter and the lines above the table: blank ones, comments that begin with #, titles. It returns
// the head of the file below them, and refuses line ends that are not read.
func (d *dialect) layout(file string, head []byte, src *Source, first bool) ([]byte, error) {
	if bytes.IndexByte(head, '\n') < 0 && len(bytes.Fields(bytes.ReplaceAll(head, []byte(" "), nil))) > 1 && bytes.IndexByte(head, '\r') >= 0 {
		return nil, fmt.Errorf("%s: lines end in a carriage return alone; convert the file, for example with tr '\\r' '\\n'", wording.FileName(file))
	}
	skip, above := 0, ""
	next := func(rest []byte) []byte {
		_, after, _ := bytes.Cut(rest, []byte{'\n'})
		skip++
		return after
	}
	for range maxTitles {
		line, after, found := bytes.Cut(head, []byte{'\n'})
		blank := len(bytes.TrimSuffix(line, []byte{'\r'})) == 0
		if !found || !blank && !d.aboveTable(line, after, src) {
			break
		}
		if text := strings.TrimSpace(string(line)); above == "" {
			above = text
		}
		head = next(head)
	}
	for len(head) > 0 && len(bytes.TrimSpace(head)) > 0 {
		line, _, found := bytes.Cut(head, []byte{'\n'})
		if !found || len(bytes.TrimSuffix(line, []byte{'\r'})) > 0 {
			break
		}
		head = next(head)
	}
	if !first && skip != d.skip {
		return nil, fmt.Errorf("%s begins with %d lines above the table, the first file of the source with %d; make them alike", wording.FileName(file), skip, d.skip)
	}
	if d.skip = skip; first {
		d.above = above
	}
	if d.delimiter == 0 {
		d.delimiter = sniffDelimiter(head)
	}
	return head, nil
}

// aboveTable reports whether the first line of a text, rest is the others, is no part of the table: a comment, or a
// title.
func (d *dialect) aboveTable(line, rest []byte, src *Source) bool {
	// Further comments, and blank lines, say nothing about the table.
	for {
		next, after, found := bytes.Cut(rest, []byte{'\n'})
		if !found || len(bytes.TrimSpace(next)) > 0 && next[0] != '#' {
			break
		}
		rest = after
	}
	delimiter := d.delimiter
	if delimiter == 0 {
		delimiter = sniffDelimiter(rest)
	}
	own, err := firstRecord(line, delimiter)
	if err != nil || len(bytes.TrimSpace(rest)) == 0 || bytes.Count(line, []byte{'"'})%2 == 1 {
		return false // a quoted field goes on in the next line
	}
	records := firstRecords(rest, delimiter, 3)
	if len(records) < 2 || len(records[0]) != len(records[1]) {
		return false
	}
	named := !slices.ContainsFunc(records[0], isNumber) // it could be the header
	if line[0] == '#' {
		// A header may begin with # too: it has as many fields as the rows, and no header comes behind it.
		return len(own) != len(records[0]) || named && slices.ContainsFunc(records[1], isNumber)
	}
	if src.Header != nil || len(src.Names) > 0 || !named || len(records[0]) < 2 {
		return false
	}
	// Cut by another character, it may be the header of the rows: names;prices above 1;"2,50".
	for _, c := range delimiters {
		if d.delimiter == 0 && consistentFields(slices.Concat(line, []byte{'\n'}, rest), c) > 1 && len(firstRecords(line, c, 1)[0]) > 1 {
			filled := slices.DeleteFunc(firstRecords(line, c, 1)[0], func(f string) bool { return f == "" })
			if len(filled) > 1 {
				return false
			}
		}
	}
	// A title stands alone in its line, above a header without gaps.
	filled := slices.DeleteFunc(own, func(f string) bool { return f == "" })
	return len(filled) == 1 && !isNumber(filled[0]) && !slices.Contains(records[0], "")
}

func isNumber(text string) bool {
	_, ok := notation.Number(text)
	return ok
}

// firstRecords returns up to n records of a text, trimmed.
func firstRecords(text []byte, delimiter rune, n int) [][]string {
	var out [][]string
	r := newCSVReader(bytes.NewReader(text), delimiter)
	for range n {
		record, err := r.Read()
		if err != nil {
			break
		}
		fields := make([]string, len(record))
		for i, f := range record {
			fields[i] = strings.TrimSpace(f)
		}
		out = append(out, fields)
	}
	return out
}

// note says what a person should know of how the files are written; "" where all is plain.
func (d *dialect) note(file string) string {
	if d.above == "" {
		return ""
	}
	lines := "line"
	if d.skip > 1 {
		lines = fmt.Sprintf("%d lines", d.skip)
	}
	return fmt.Sprintf("%s: the first %s, %s, is above the table and no part of it", wording.FileName(file), lines, wording.Quote(wording.Shorten(d.above, 60)))
}
