package prepare

import (
	"fmt"
	"strings"

	"debut/datasets/duck"
	"debut/datasets/manifest"
)

// splitRows gives every row its part. It happens once: before the first step
// that learns from the training rows, or after the last step.
func (p *pipeline) splitRows() error {
	p.path = "split"
	s := &p.cfg.Split
	return p.do("split", func() error {
		if err := p.assign(s); err != nil {
			return err
		}
		p.split = true
		if err := p.countParts(s); err != nil {
			return err
		}
		return p.tellFutures(s)
	})
}

// countParts notes the rows of each part, and refuses an empty one that was
// asked for.
func (p *pipeline) countParts(s *Split) error {
	items := make([]string, len(partNames))
	for i := range items {
		items[i] = fmt.Sprintf("count(*) FILTER (WHERE %s = %d)", partColumn, i)
	}
	counts, err := p.integers("", len(items), "SELECT "+strings.Join(items, ", ")+" FROM "+p.current)
	if err != nil {
		return err
	}
	p.step.Counts = map[string]int64{}
	wanted := []bool{true, s.Validation != nil && *s.Validation > 0 || s.ValidationFrom != "" || len(s.ValidationIs) > 0,
		s.Test != nil && *s.Test > 0 || s.TestFrom != "" || len(s.TestIs) > 0 || s.Method == SplitLeaveLastOut}
	for i, name := range partNames {
		p.step.Counts[name] = counts[i]
		if counts[i] == 0 && wanted[i] {
			return p.configErrorf("", "no row of %d is left for the %s part", p.rows, name)
		}
	}
	return nil
}

// with adds the part as a SQL expression.
func (p *pipeline) with(part string, table bool) error {
	sql := "SELECT *, CAST(" + part + " AS UTINYINT) AS " + partColumn + " FROM " + p.current
	if table {
		return p.make("", sql, p.columns)
	}
	return p.view("", sql, p.columns)
}

// byHash is the part of a random number: test, validation, training.
func byHash(random string, s *Split) string {
	return fmt.Sprintf("CASE WHEN %s THEN 2 WHEN %s THEN 1 ELSE 0 END", below(random, *s.Test), below(random, *s.Test+*s.Validation))
}

func (p *pipeline) assign(s *Split) error {
	if s.Method == SplitNone {
		return p.with("0", false)
	}
	if s.Method == SplitRandom && s.Stratify == "" {
		p.step.Notes = append(p.step.Notes, "each row by a hash of its number; shares are met on average")
		return p.with(byHash(p.random("split", rowColumn), s), false)
	}
	key, name := "column", s.Column
	if s.Stratify != "" {
		key, name = "stratify", s.Stratify
	}
	c, err := p.column(key, name)
	if err != nil {
		return err
	}
	col := duck.Name(c.name)
	missing, err := p.integer("", fmt.Sprintf("SELECT count(*) - count(%s) FROM %s", col, p.current))
	if err != nil {
		return err
	}
	if missing > 0 {
		return p.configErrorf(key, "column %q has no value in %d of %d rows; fill it, or leave such rows out with a filter", c.name, missing, p.rows)
	}
	switch s.Method {
	case SplitGroup:
		p.step.Notes = append(p.step.Notes, "each group by a hash; shares are of groups and met on average")
		return p.with(byHash(p.random("split", col), s), false)
	case SplitRandom:
		// Ranks within a class make its shares exact.
		rank := fmt.Sprintf("row_number() OVER (PARTITION BY %s ORDER BY %s, %s) - 1", col, p.random("split", rowColumn), rowColumn)
		size := fmt.Sprintf("count(*) OVER (PARTITION BY %s)", col)
		return p.with(fmt.Sprintf("CASE WHEN %[1]s < round(%[3]s * %[2]s) THEN 2 WHEN %[1]s < round(%[4]s * %[2]s) THEN 1 ELSE 0 END", rank, size, number(*s.Test), number(*s.Test+*s.Validation)), true)
	case SplitTime:
		return p.byTime(s, c)
	case SplitLeaveLastOut:
		t, err := p.column("time", s.Time)
		if err != nil {
			return err
		}
		if !isTime(t.typ) && !isNumber(t.typ) {
			return p.configErrorf("time", "column %q is %s; cast it to TIMESTAMP before", t.name, t.typ)
		}
		// A user of one row, or two, trains with the first.
		back := fmt.Sprintf("row_number() OVER (PARTITION BY %s ORDER BY %s DESC, %s DESC)", col, duck.Name(t.name), rowColumn)
		size := fmt.Sprintf("count(*) OVER (PARTITION BY %s)", col)
		return p.with(fmt.Sprintf("CASE WHEN %[2]s >= 2 AND %[1]s = 1 THEN 2 WHEN %[2]s >= 3 AND %[1]s = 2 THEN 1 ELSE 0 END", back, size), true)
	}
	values := func(list []string) string {
		if len(list) == 0 {
			return "FALSE"
		}
		quoted := make([]string, len(list))
		for i, v := range list {
			quoted[i] = duck.Literal(v)
		}
		return fmt.Sprintf("CAST(%s AS VARCHAR) IN (%s)", col, strings.Join(quoted, ", "))
	}
	return p.with(fmt.Sprintf("CASE WHEN %s THEN 2 WHEN %s THEN 1 ELSE 0 END", values(s.TestIs), values(s.ValidationIs)), false)
}

// byTime puts the latest rows into the test part and those before into the
// validation part. Rows of one time stay together.
func (p *pipeline) byTime(s *Split, c column) error {
	if !isTime(c.typ) && !isNumber(c.typ) {
		return p.configErrorf("column", "column %q is %s; cast it to TIMESTAMP before", c.name, c.typ)
	}
	col := duck.Name(c.name)
	from := func(key, moment string, share float64, where string) (string, error) {
		if moment != "" {
			literal := fmt.Sprintf("CAST(%s AS %s)", duck.Literal(moment), c.typ)
			if _, err := p.texts(key, 1, "SELECT "+literal); err != nil {
				return "", p.configErrorf(key, "%q is no value of column %q, which is %s; write it like 2026-01-31", moment, c.name, c.typ)
			}
			return literal, nil
		}
		if share <= 0 {
			return "", nil
		}
		rows, err := p.texts("", 1, fmt.Sprintf("SELECT quantile_disc(%s, %s) FROM %s WHERE %s", col, number(1-share), p.current, where))
		if err != nil || len(rows) == 0 {
			return "", err
		}
		return fmt.Sprintf("CAST(%s AS %s)", duck.Literal(rows[0][0]), c.typ), nil
	}
	share := func(f *float64) float64 {
		if f == nil {
			return 0
		}
		return *f
	}
	embargo, err := p.embargo(s, c)
	if err != nil {
		return err
	}
	test, err := from("test_from", s.TestFrom, share(s.Test), "TRUE")
	if err != nil {
		return err
	}
	all, where := share(s.Test)+share(s.Validation), "TRUE"
	if share(s.Validation) == 0 {
		all = 0
	} else if embargo.span > 0 && test != "" {
		// The fraction is that of the rows that the embargo leaves in the part: it would
		// often have none left otherwise.
		where = "NOT (" + embargo.reaches(test) + ")"
		left, err := p.integer("", "SELECT count(*) FROM "+p.current+" WHERE "+where)
		if err != nil {
			return err
		}
		if all = share(s.Validation) * float64(p.rows) / float64(left); !(all < 1) {
			return p.configErrorf("embargo", "%s%s leaves %d of %d rows before it and the test part, from %s: not more than the validation part asks for; make the fractions smaller, or the embargo shorter, at the price of labels that were not known",
				embargo.text, embargo.why(), left, p.rows, boundary(test))
		}
	}
	validation, err := from("validation_from", s.ValidationFrom, all, where)
	if err != nil {
		return err
	}
	part := "CASE"
	for _, b := range []struct {
		from, part, name string
	}{{test, "2", manifest.Test}, {validation, "1", manifest.Validation}} {
		if b.from != "" {
			part += fmt.Sprintf(" WHEN %s >= %s THEN %s", col, b.from, b.part)
			p.step.Notes = append(p.step.Notes, fmt.Sprintf("%s from %s", b.name, b.from))
		}
	}
	if part == "CASE" {
		return p.with("0", false)
	}
	if err := p.with(part+" ELSE 0 END", false); err != nil {
		return err
	}
	return p.holdBack(embargo, validation, test)
}
