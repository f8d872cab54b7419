package prepare

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"debut/datasets/atomicfile"
	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/manifest"
	"debut/datasets/table"
)

const (
	// vocabularyDir holds vocabularies of more than inlineVocabulary categories.
	vocabularyDir    = "vocabulary"
	inlineVocabulary = 1000
	// quantileRows are what quantiles are taken from: the first rows of the
	// training part, which are a random sample of it.
	quantileRows = 200_000
)

// quantileLevels are those of manifest.Column.Quantiles.
var quantileLevels = []float64{0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1}

// write writes the parts, looks at what is in them, and describes them.
func (p *pipeline) write() error {
	p.title = "write"
	began := time.Now()
	// The rows may be a view still: each of the queries below computes what its
	// own rows and columns need, and a table of all would be written once more.
	items, err := p.outputColumns()
	if err != nil {
		return err
	}
	p.made.Rows = p.rows
	for i, name := range partNames {
		if err := p.writePart(i, name, items); err != nil {
			return err
		}
	}
	p.log.Debug("parts written", "seconds", time.Since(began).Seconds())
	if p.made.Part(manifest.Train) == nil {
		return configfile.Errorf("split", "no row is left for training")
	}
	train := "read_parquet(" + duck.Literal(p.file(manifest.Train)) + ")"
	if err := p.measureNumbers(train); err != nil {
		return err
	}
	if err := p.measureCategories(train); err != nil {
		return err
	}
	p.log.Debug("parts described", "seconds", time.Since(began).Seconds())
	p.made.Privacy = p.privacyNotes()
	if err := p.seal(); err != nil {
		return err
	}
	for i := range p.made.Parts {
		part := &p.made.Parts[i]
		h, err := table.HashFile(p.ctx, filepath.Join(p.dir, part.File))
		if err != nil {
			return err
		}
		part.Bytes, part.SHA256 = h.Bytes, h.SHA256
	}
	p.log.Info("write", "rows", p.made.Rows, "seconds", time.Since(began).Seconds())
	return p.made.Write(p.dir)
}

// file is where the rows of a part are.
func (p *pipeline) file(part string) string {
	if f := p.clear[partFile(part)]; f != nil {
		return f.Path()
	}
	return filepath.Join(p.dir, partFile(part))
}

// partFile is the file of a part.
func partFile(part string) string { return part + ".parquet" }

// writePart writes the rows of a part, in random order unless told otherwise.
func (p *pipeline) writePart(i int, name string, items []string) error {
	where := fmt.Sprintf("%s = %d", partColumn, i)
	n, err := p.integer("", "SELECT count(*) FROM "+p.current+" WHERE "+where)
	if err != nil || n == 0 {
		return err
	}
	order := rowColumn
	if *p.cfg.Shuffle {
		order = p.random("shuffle", rowColumn) + ", " + rowColumn
	}
	copying := func(to string) string {
		return fmt.Sprintf("COPY (SELECT %s FROM %s WHERE %s ORDER BY %s) TO %s (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE %d",
			strings.Join(items, ", "), p.current, where, order, duck.Literal(to), p.cfg.RowGroup)
	}
	if p.show != nil {
		p.show("write "+name, copying("/"+partFile(name))+")")
	}
	// The file may be there already, without a name.
	sql := copying(p.file(name)) + ", USE_TMP_FILE false)"
	if err := p.db.Query(p.ctx, sql, nil); err != nil {
		return p.explain("", err)
	}
	groups, err := p.integer("", "SELECT count(DISTINCT row_group_id) FROM parquet_metadata("+duck.Literal(p.file(name))+")")
	if err != nil {
		return err
	}
	p.made.Parts = append(p.made.Parts, manifest.Part{Name: name, File: partFile(name), Rows: n, RowGroups: int(groups)})
	return nil
}

// moments sums up a column of numbers.
type moments struct {
	column   *manifest.Column
	count    int64
	missing  int64
	infinite int64 // or NaN
	min, max float64
	mean, m2 float64
	fraction bool // there are others than whole numbers
	sample   []float64
	present  []float64 // of the chunk
}

// measureNumbers fills in the statistics of numbers and dates, summed in the
// order of the rows.
func (p *pipeline) measureNumbers(train string) error {
	var all []*moments
	var items []string
	for i := range p.made.Columns {
		c := &p.made.Columns[i]
		col := duck.Name(c.Name)
		switch c.Type {
		case manifest.Numeric, manifest.Boolean:
			items = append(items, "CAST("+col+" AS DOUBLE)")
		case manifest.Date:
			items = append(items, "CAST(epoch_us("+col+") AS DOUBLE)")
		default:
			continue
		}
		all = append(all, &moments{column: c, min: math.Inf(1), max: math.Inf(-1)})
	}
	if len(items) == 0 {
		return nil
	}
	err := p.db.Stream(p.ctx, "SELECT "+strings.Join(items, ", ")+" FROM "+train, func(c *duck.Chunk) error {
		for k, m := range all {
			values, mask := duck.Vector[float64](c, k)
			m.add(values, mask)
		}
		return nil
	})
	if err != nil {
		return p.explain("", err)
	}
	for _, m := range all {
		if err := refuseInfinite(manifest.Train, m.column.Name, m.infinite); err != nil {
			return err
		}
		if m.count > 0 && m.column.SQL == "DOUBLE" && !m.fraction && max(m.max, -m.min) >= 1<<53 {
			p.log.Warn("the column holds whole numbers of more than 2^53 as floating-point numbers, which have lost digits before: ids that differed may be equal; write them as text or whole numbers where the data are made",
				"column", m.column.Name)
		}
		m.describe()
	}
	return p.checkFinite()
}

// checkFinite looks for NaN and infinities in the parts that no statistics are
// taken from.
func (p *pipeline) checkFinite() error {
	var names, items []string
	for _, c := range p.made.Columns {
		if c.SQL == "DOUBLE" {
			names = append(names, c.Name)
			items = append(items, fmt.Sprintf("count(*) FILTER (WHERE NOT isfinite(%s))", duck.Name(c.Name)))
		}
	}
	if len(items) == 0 {
		return nil
	}
	for _, part := range p.made.Parts {
		if part.Name == manifest.Train {
			continue
		}
		counts, err := p.integers("", len(items), "SELECT "+strings.Join(items, ", ")+" FROM read_parquet("+duck.Literal(p.file(part.Name))+")")
		if err != nil {
			return err
		}
		for i, n := range counts {
			if err := refuseInfinite(part.Name, names[i], n); err != nil {
				return err
			}
		}
	}
	return nil
}

// refuseInfinite is the error of a part with NaN or infinities: no model can be
// trained on them, and whether they are missing values is not for us to guess.
func refuseInfinite(part, column string, n int64) error {
	if n == 0 {
		return nil
	}
	col := duck.Name(column)
	return configfile.Errorf("", "column %q has NaN or infinity in %d of the %s rows, which training refuses; where they stand for missing values say so, with null: [nan, inf, -inf] at the source, or, where a step has made them, with a step sql: SELECT * REPLACE (CASE WHEN isfinite(%s) THEN %s END AS %s) FROM input",
		column, n, part, col, col, col)
}

// add takes a chunk: its own mean and squares first, and then both together
// (Chan, Golub, LeVeque, "Updating Formulae and a Pairwise Algorithm for
// Computing Sample Variances", 1979). Chunks are those of the file, so the
// result depends on nothing else.
func (m *moments) add(values []float64, mask duck.Validity) {
	present := m.present[:0]
	missing := 0
	for i, v := range values {
		switch {
		case !mask.Valid(i):
			missing++
		case v-v == 0:
			present = append(present, v)
		}
	}
	m.present = present
	m.missing += int64(missing)
	m.infinite += int64(len(values) - missing - len(present))
	if len(present) == 0 {
		return
	}
	m.min, m.max = min(m.min, slices.Min(present)), max(m.max, slices.Max(present))
	n, sum := float64(len(present)), 0.0
	for _, v := range present {
		sum += v
		m.fraction = m.fraction || v != math.Trunc(v)
	}
	mean, m2 := sum/n, 0.0
	for _, v := range present {
		m2 += (v - mean) * (v - mean)
	}
	all, d := float64(m.count)+n, mean-m.mean
	m.m2 += m2 + d*d*float64(m.count)*n/all
	m.mean += d * n / all
	m.count += int64(len(present))
	m.sample = append(m.sample, present[:min(len(present), quantileRows-len(m.sample))]...)
}

func (m *moments) describe() {
	c := m.column
	c.Missing = m.missing
	if m.count == 0 {
		return
	}
	if c.Type == manifest.Date {
		date := func(micros float64) string {
			return time.UnixMicro(int64(micros)).UTC().Format("2006-01-02T15:04:05.999999")
		}
		c.First, c.Last = date(m.min), date(m.max)
		return
	}
	std := math.Sqrt(m.m2 / float64(m.count))
	if m.mean-m.mean == 0 { // neither has overflowed
		c.Mean = &m.mean
	}
	if c.Type == manifest.Boolean {
		c.Distinct = 1
		if m.min < m.max {
			c.Distinct = 2
		}
		return
	}
	c.Min, c.Max = &m.min, &m.max
	if std-std == 0 {
		c.Std = &std
	}
	slices.Sort(m.sample)
	for _, q := range quantileLevels {
		at := max(0, int(math.Ceil(q*float64(len(m.sample))))-1)
		c.Quantiles = append(c.Quantiles, m.sample[at])
	}
	c.Quantiles[0], c.Quantiles[len(c.Quantiles)-1] = m.min, m.max
	m.sample = nil
}

// measureCategories fills in the vocabularies.
func (p *pipeline) measureCategories(train string) error {
	for i := range p.made.Columns {
		c := &p.made.Columns[i]
		col := duck.Name(c.Name)
		if c.Type == manifest.Numeric || c.Type == manifest.Boolean || c.Type == manifest.Date {
			continue
		}
		missing, err := p.integer("", fmt.Sprintf("SELECT count(*) - count(%s) FROM %s", col, train))
		if err != nil {
			return err
		}
		c.Missing = missing
		if c.Type != manifest.Categorical {
			continue
		}
		sql := fmt.Sprintf("SELECT v, n FROM (SELECT %s AS v, count(*) AS n FROM %s WHERE %[1]s IS NOT NULL GROUP BY 1) ORDER BY n DESC, v", "CAST("+col+" AS VARCHAR)", train)
		if err := p.vocabulary(i, c, sql); err != nil {
			return err
		}
		if c.SQL != "VARCHAR" {
			continue
		}
		if err := p.tellDates(c.Name, train); err != nil {
			return err
		}
	}
	return nil
}

// tellDates warns of texts that are dates, of which each would be a category.
func (p *pipeline) tellDates(name, train string) error {
	col := duck.Name(name)
	rows, err := p.texts("", 1, fmt.Sprintf("SELECT DISTINCT %s AS v FROM (SELECT %[1]s FROM %s WHERE %[1]s IS NOT NULL LIMIT 1000) ORDER BY v", col, train))
	if err != nil || len(rows) == 0 {
		return err
	}
	values := make([]string, len(rows))
	for i, r := range rows {
		values[i] = r[0]
	}
	if written, format, other, ok := table.DateFormat(values); ok {
		p.log.Warn("a column of text looks like dates written "+written+ambiguous(other)+", each of which is a category to a model; make dates of them with steps: ["+castStep(name, "TIMESTAMP", format)+"]",
			"column", name, "first", values[0])
	}
	return nil
}

// vocabulary puts a vocabulary into the description, or into a file of its own.
func (p *pipeline) vocabulary(i int, c *manifest.Column, sql string) error {
	add := func(visit func(value string, n int64) error) error {
		return p.db.Stream(p.ctx, sql, func(k *duck.Chunk) error {
			values, _ := duck.Vector[duck.String](k, 0)
			counts, _ := duck.Vector[int64](k, 1)
			for r := range values {
				if err := visit(values[r].Text(), counts[r]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	distinct, err := p.integer("", "SELECT count(*) FROM ("+sql+")")
	if err != nil {
		return err
	}
	c.Distinct = distinct
	if distinct <= inlineVocabulary {
		return p.explain("", add(func(value string, n int64) error {
			c.Vocabulary = append(c.Vocabulary, manifest.Category{Value: strings.Clone(value), Count: n})
			return nil
		}))
	}
	if p.readers != nil {
		return nil // it is left out of the description
	}
	dir := filepath.Join(p.dir, vocabularyDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	c.VocabularyFile = filepath.Join(vocabularyDir, strconv.Itoa(i)+".csv")
	err = atomicfile.Write(filepath.Join(p.dir, c.VocabularyFile), 0o644, func(out io.Writer) error {
		b := bufio.NewWriter(out)
		w := csv.NewWriter(b)
		if err := w.Write([]string{"value", "count"}); err != nil {
			return err
		}
		err := add(func(value string, n int64) error { return w.Write([]string{value, strconv.FormatInt(n, 10)}) })
		w.Flush()
		return cmp.Or(err, w.Error(), b.Flush())
	})
	var q *duck.Error
	if errors.As(err, &q) {
		return p.explain("", q)
	}
	return err
}
