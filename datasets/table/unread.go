package table

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/duck"
	"debut/datasets/wording"
)

// Unread is what was taken for a record of a CSV file and could not be read.
type Unread struct {
	Place   string // "orders.csv:1042", of its first line
	Problem string
	Text    string // as it stands in the file, without the line end
}

// unreadRecord is an Unread with what DuckDB says of it.
type unreadRecord struct {
	Unread
	file   string
	from   int64 // where DuckDB says that it begins: an offset into the file's text, -1 where it says nothing
	line   int   // in the file; before it is found, DuckDB's number of the record
	kind   string
	fields int // found, where that is what is wrong
}

// counts of fields and of bytes in DuckDB's messages about lines.
var (
	fieldsFound = regexp.MustCompile(`Found: (\d+)`)
	bytesFound  = regexp.MustCompile(`Actual Size: *(\d+)`)
)

// Unread returns what could not be read of a table that was opened with Rejects, by files and lines, and forgets it.
// Several readings of a file meet the same records.
func (t *Table) Unread(ctx context.Context) ([]Unread, error) {
	records, err := t.rel.unread(ctx, t.db)
	if err != nil || len(records) == 0 {
		return nil, err
	}
	for _, table := range []string{"reject_errors", "reject_scans"} {
		if err := t.db.Query(ctx, "DELETE FROM "+table, nil); err != nil {
			return nil, err
		}
	}
	out := make([]Unread, len(records))
	for i, r := range records {
		out[i] = r.Unread
	}
	return out, nil
}

// unread lists what could not be read so far.
func (r *relation) unread(ctx context.Context, db *duck.DB) ([]unreadRecord, error) {
	const errorsSQL = `SELECT s.file_path, CAST(e.line AS BIGINT), coalesce(CAST(e.line_byte_position AS BIGINT), 0) - 1, CAST(e.error_type AS VARCHAR), e.error_message, coalesce(e.csv_line, ''), e.column_idx
		FROM reject_errors e JOIN reject_scans s USING (scan_id, file_id)`
	var records []unreadRecord
	err := db.Query(ctx, "SELECT DISTINCT ON (q.f, q.l, q.p) q.f, q.l, q.p, q.k, q.m, q.t FROM ("+errorsSQL+") AS q(f, l, p, k, m, t, i) ORDER BY q.f, q.l, q.p, q.i, q.m", func(c *duck.Chunk) error {
		files, _ := duck.Vector[duck.String](c, 0)
		lines, _ := duck.Vector[int64](c, 1)
		from, _ := duck.Vector[int64](c, 2)
		kinds, _ := duck.Vector[duck.String](c, 3)
		messages, _ := duck.Vector[duck.String](c, 4)
		texts, _ := duck.Vector[duck.String](c, 5)
		for i := range files {
			record := unreadRecord{file: strings.Clone(files[i].Text()), line: int(lines[i]), from: from[i], kind: strings.Clone(kinds[i].Text())}
			message, text := messages[i].Text(), texts[i].Text()
			// It begins with the empty lines before it, such as comments leave.
			rest := strings.TrimLeft(text, "\r\n")
			if record.from >= 0 {
				record.from += int64(len(text) - len(rest))
			}
			record.Text = strings.Clone(strings.TrimRight(rest, "\r\n"))
			if found := fieldsFound.FindStringSubmatch(message); found != nil {
				record.fields, _ = strconv.Atoi(found[1]) // of digits
			}
			record.Problem = r.unreadProblem(record.kind, message, record.fields)
			records = append(records, record)
		}
		return nil
	})
	var q *duck.Error
	if errors.As(err, &q) && strings.Contains(q.Message, "does not exist") {
		return nil, nil // nothing was ever rejected
	}
	if err != nil || len(records) == 0 {
		return nil, err
	}
	if d := r.origin.dialect; d != nil {
		if err := d.findLines(records); err != nil {
			return nil, err
		}
		for from := 0; from < len(records); {
			from += d.explainBroken(records[from:])
		}
	}
	for i := range records {
		u := &records[i]
		if lines := strings.Count(u.Text, "\n"); lines > 0 {
			u.Problem += fmt.Sprintf("; %d lines were taken for one record, as where a quote is not closed", lines+1)
		}
		u.Place = fmt.Sprintf("%s:%d", wording.FileName(u.file), u.line)
	}
	return records, nil
}

// unreadProblem words what DuckDB's table reject_errors says of a record, by its error_type and error_message.
func (r *relation) unreadProblem(kind, message string, fields int) string {
	switch kind {
	case "MISSING COLUMNS", "TOO MANY COLUMNS":
		if fields > 0 && r.origin.dialect != nil {
			return r.origin.dialect.miscounted(fields)
		}
	case "LINE SIZE OVER MAXIMUM":
		if bytesFound.MatchString(message) {
			return tooLong("CSV", longestRecord)
		}
	case "UNQUOTED VALUE":
		return "a quoted field does not end, or has more behind its quote"
	case "INVALID ENCODING", "INVALID UNICODE":
		return "the bytes are not UTF-8"
	}
	what, _, _ := strings.Cut(message, "\n")
	return strings.Clone(what)
}

// findLines finds the lines of records, which DuckDB counts without those within quotes, and remembers what is to be
// left out where rows are counted.
func (d *dialect) findLines(records []unreadRecord) (err error) {
	slices.SortStableFunc(records, func(a, b unreadRecord) int {
		if a.file != b.file {
			return strings.Compare(a.file, b.file)
		}
		return int(max(-1, min(1, a.from-b.from)))
	})
	d.unread = map[string][]span{}
	for len(records) > 0 {
		n := slices.IndexFunc(records, func(r unreadRecord) bool { return r.file != records[0].file })
		if n < 0 {
			n = len(records)
		}
		if err := d.findLinesOf(records[:n]); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// findLinesOf is findLines for the records of a file, by their places.
func (d *dialect) findLinesOf(records []unreadRecord) (err error) {
	file := records[0].file
	in, err := decompressed(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	b := bufio.NewReaderSize(&interruptible{d.ctx, in}, 1<<16)
	mark := int64(0) // which DuckDB counts, and OpenText leaves out
	if head, _ := b.Peek(len(byteOrderMark)); string(head) == byteOrderMark {
		mark = int64(len(byteOrderMark))
		_, _ = b.Discard(len(byteOrderMark)) // which are there
	}
	text := &lineCounter{in: b, line: 1}
	for i := range records {
		r := &records[i]
		if r.from >= mark {
			r.from -= mark
		}
		for text.read < r.from {
			if _, err := io.CopyN(io.Discard, text, min(r.from-text.read, 1<<20)); err != nil {
				return d.ctx.Err() // DuckDB's numbers are the best there are
			}
			text.at(text.read)
		}
		if r.from >= 0 {
			r.line = text.at(r.from)
			d.unread[file] = append(d.unread[file], span{r.from, r.from + int64(len(r.Text))})
		}
	}
	return nil
}

// explainBroken says of records at the start of a list that they are one, broken by line ends within a field. It returns
// how many they are, 1 where the first is by itself.
func (d *dialect) explainBroken(records []unreadRecord) int {
	fields, line := 0, records[0].line
	for i := range records {
		r := &records[i]
		if r.file != records[0].file || r.line != line || r.kind != "MISSING COLUMNS" || strings.Contains(r.Text, "\n") {
			return 1
		}
		line++
		if i > 0 {
			fields--
		}
		if fields += r.fields; fields < len(d.columns) {
			continue
		}
		if fields > len(d.columns) || i == 0 {
			return 1
		}
		records[0].Problem += "; " + brokenRecord(i)
		for k := 1; k <= i; k++ {
			records[k].Problem += fmt.Sprintf("; it seems to belong to the record of line %d", records[0].line)
		}
		return i + 1
	}
	return 1
}

// brokenRecord says that a record lacks fields which the lines behind it have.
func brokenRecord(lines int) string {
	if lines == 1 {
		return "with the next line it would have them: a line end within a field needs quotes around the field"
	}
	return fmt.Sprintf("with the next %d lines it would have them: line ends within a field need quotes around the field", lines)
}

// span is a part of a text, from an offset up to another.
type span struct{ from, to int64 }

// blanked is a reader of a text without some parts but their line ends, so that lines keep their numbers.
type blanked struct {
	in    io.Reader
	at    int64
	spans []span // in order
}

func (b *blanked) Read(p []byte) (int, error) {
	n, err := b.in.Read(p)
	kept := 0
	for _, c := range p[:n] {
		for len(b.spans) > 0 && b.at >= b.spans[0].to {
			b.spans = b.spans[1:]
		}
		if len(b.spans) == 0 || b.at < b.spans[0].from || c == '\n' {
			p[kept] = c
			kept++
		}
		b.at++
	}
	if n > 0 && kept == 0 && err == nil {
		return b.Read(p)
	}
	return kept, err
}
