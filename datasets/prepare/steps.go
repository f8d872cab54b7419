package prepare

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/duck"
)

// apply does one step.
func (p *pipeline) apply(s *Step) error {
	switch {
	case s.Cast != nil:
		return p.cast(s.Cast)
	case s.Rename != nil:
		return p.rename(s.Rename)
	case s.Select != nil:
		return p.keep(s.Select)
	case s.Drop != nil:
		return p.drop(s.Drop)
	case s.Derive != nil:
		return p.derive(s.Derive)
	case s.Filter != nil:
		return p.filter(s.Filter)
	case s.Count != nil:
		return p.count(s.Count)
	case s.Deduplicate != nil:
		return p.deduplicate(s.Deduplicate)
	case s.Fill != nil:
		return p.fill(s.Fill)
	case s.Clip != nil:
		return p.clip(s.Clip)
	case s.Join != nil:
		return p.join(s.Join)
	case s.Aggregate != nil:
		return p.aggregate(s.Aggregate)
	case s.Series != nil:
		return p.series(s.Series)
	case s.Label != nil:
		return p.label(s.Label)
	case s.Negatives != nil:
		return p.negatives(s.Negatives)
	case s.Resample != nil:
		return p.resample(s.Resample)
	case s.Pseudonymize != nil:
		return p.pseudonymize(s.Pseudonymize)
	case s.Generalize != nil:
		return p.generalize(s.Generalize)
	case s.Mask != nil:
		return p.mask(s.Mask)
	case s.Anonymize != nil:
		return p.anonymize(s.Anonymize)
	}
	return p.sql(s.SQL)
}

// cast converts columns. A value that cannot be converted, or an integer that
// would lose digits, fails the step or becomes missing.
func (p *pipeline) cast(casts map[string]Cast) error {
	exprs, columns := map[string]string{}, slices.Clone(p.columns)
	names := slices.Sorted(maps.Keys(casts))
	var failed []string
	for _, name := range names {
		from, err := p.column(name, name)
		if err != nil {
			return err
		}
		c := casts[name]
		typ, err := p.typeOf(name+".to", "CAST(NULL AS "+c.To+")", "(SELECT 1)")
		if err != nil {
			return err
		}
		col := duck.Name(name)
		expr := fmt.Sprintf("TRY_CAST(%s AS %s)", col, typ)
		switch {
		case c.Format != "":
			if from.typ != "VARCHAR" {
				return p.configErrorf(name+".format", "column %q is %s, not text; leave the format out", name, from.typ)
			}
			if !isTime(typ) && typ != "TIME" {
				return p.configErrorf(name+".format", "goes with dates and times, not with %s", typ)
			}
			expr = fmt.Sprintf("TRY_CAST(try_strptime(%s, %s) AS %s)", col, duck.Literal(c.Format), typ)
		case typ == "BOOLEAN" && from.typ == "VARCHAR":
			expr = fmt.Sprintf("CASE WHEN lower(%[1]s) IN ('true', 't', 'yes', 'y', '1', 'on') THEN TRUE WHEN lower(%[1]s) IN ('false', 'f', 'no', 'n', '0', 'off') THEN FALSE END", col)
		case isInteger(typ) && !isInteger(from.typ) && from.typ != "BOOLEAN":
			expr = fmt.Sprintf("CASE WHEN TRY_CAST(%[1]s AS DOUBLE) = trunc(TRY_CAST(%[1]s AS DOUBLE)) THEN TRY_CAST(%[1]s AS %[2]s) END", col, typ)
		case typ == "DOUBLE" || typ == "FLOAT":
			expr = fmt.Sprintf("CASE WHEN isfinite(TRY_CAST(%[1]s AS %[2]s)) THEN TRY_CAST(%[1]s AS %[2]s) END", col, typ)
		}
		exprs[name] = expr
		failed = append(failed, fmt.Sprintf("count(*) FILTER (WHERE %s IS NOT NULL AND (%s) IS NULL)", col, expr))
		columns[slices.Index(p.columns, from)].typ = typ
	}
	counts, err := p.integers("", len(names), "SELECT "+strings.Join(failed, ", ")+" FROM "+p.current)
	if err != nil {
		return err
	}
	p.step.Changed = map[string]int64{}
	for i, name := range names {
		if counts[i] == 0 {
			continue
		}
		if casts[name].OnError != "null" {
			return p.configErrorf(name, "%d values of %d rows are not %s, such as %s; correct them, or take them for missing with on_error: null",
				counts[i], p.rows, columns[slices.IndexFunc(columns, func(c column) bool { return c.name == name })].typ,
				p.examples(name, p.current, duck.Name(name)+" IS NOT NULL AND ("+exprs[name]+") IS NULL"))
		}
		p.step.Changed[name] = counts[i]
		p.step.Notes = append(p.step.Notes, fmt.Sprintf("%d values of %s could not be converted and are missing now", counts[i], name))
	}
	return p.view("", p.replace(exprs), columns)
}

func (p *pipeline) rename(names map[string]string) error {
	columns := slices.Clone(p.columns)
	for _, old := range slices.Sorted(maps.Keys(names)) {
		c, err := p.column(old, old)
		if err != nil {
			return err
		}
		if name := names[old]; strings.TrimSpace(name) == "" || strings.HasPrefix(name, "__") {
			return p.configErrorf(old, "%q cannot be the name of a column", name)
		}
		columns[slices.Index(p.columns, c)].name = names[old]
	}
	seen := map[string]bool{}
	items := make([]string, len(columns))
	for i, c := range columns {
		if seen[strings.ToLower(c.name)] {
			return p.configErrorf("", "two columns would be named %q", c.name)
		}
		seen[strings.ToLower(c.name)] = true
		items[i] = duck.Name(p.columns[i].name) + " AS " + duck.Name(c.name)
	}
	return p.view("", "SELECT "+p.carried()+", "+strings.Join(items, ", ")+" FROM "+p.current, columns)
}

func (p *pipeline) keep(names []string) error {
	var columns []column
	for i, name := range names {
		c, err := p.column(strconv.Itoa(i), name)
		if err != nil {
			return err
		}
		if slices.Contains(columns, c) {
			return p.configErrorf(strconv.Itoa(i), "column %q is named twice", name)
		}
		columns = append(columns, c)
	}
	return p.view("", "SELECT "+p.carried()+", "+quoted(names)+" FROM "+p.current, columns)
}

func (p *pipeline) drop(names []string) error {
	columns := slices.Clone(p.columns)
	for i, name := range names {
		if _, err := p.find(strconv.Itoa(i), name, columns, "the rows"); err != nil {
			return err
		}
		columns = slices.DeleteFunc(columns, func(c column) bool { return c.name == name })
	}
	if len(columns) == 0 {
		return p.configErrorf("", "no column is left")
	}
	p.columns = columns
	return p.view("", p.replace(nil), columns)
}

func (p *pipeline) derive(exprs map[string]string) error {
	columns := slices.Clone(p.columns)
	var added strings.Builder
	for _, name := range slices.Sorted(maps.Keys(exprs)) {
		if err := p.checkNew(name, name); err != nil {
			return err
		}
		typ, err := p.typeOf(name, exprs[name], p.current)
		if err != nil {
			return err
		}
		columns = append(columns, column{name, typ})
		fmt.Fprintf(&added, ", (%s\n) AS %s", exprs[name], duck.Name(name))
	}
	if p.serial {
		if err := p.inOrder(); err != nil {
			return err
		}
	}
	sql := strings.TrimSuffix(p.replace(nil), " FROM "+p.current)
	return p.view("", sql+added.String()+" FROM "+p.current, columns)
}

// condition checks that an expression can be true or false.
func (p *pipeline) condition(key, expr, from string) error {
	typ, err := p.typeOf(key, expr, from)
	if err != nil {
		return err
	}
	if typ != "BOOLEAN" {
		return p.configErrorf(key, "%q is %s; a condition is true or false", expr, typ)
	}
	return nil
}

func (p *pipeline) filter(f *Filter) error {
	if err := p.condition("", f.Where, p.current); err != nil {
		return err
	}
	if err := p.view("", p.replace(nil)+" WHERE ("+f.Where+"\n)", p.columns); err != nil {
		return err
	}
	reason := f.Reason
	if reason == "" {
		reason = "not (" + f.Where + ")"
	}
	return p.recount(reason)
}

func (p *pipeline) count(conditions map[string]string) error {
	names := slices.Sorted(maps.Keys(conditions))
	items := make([]string, len(names))
	for i, name := range names {
		if err := p.condition(name, conditions[name], p.current); err != nil {
			return err
		}
		items[i] = fmt.Sprintf("count(*) FILTER (WHERE (%s\n))", conditions[name])
	}
	sql := "SELECT " + strings.Join(items, ", ") + " FROM " + p.current
	p.note(sql)
	var counts []int64
	read := func() (err error) {
		counts, err = p.integers("", len(names), sql)
		return err
	}
	if p.serial {
		if err := p.alone(read); err != nil {
			return err
		}
	} else if err := read(); err != nil {
		return err
	}
	p.step.Counts = map[string]int64{}
	for i, name := range names {
		p.step.Counts[name] = counts[i]
	}
	return nil
}

// deduplicate keeps one row of those that are the same.
func (p *pipeline) deduplicate(d *Deduplicate) error {
	pick := "min"
	if d.Keep == "last" {
		pick = "max"
	}
	if len(d.Key) == 0 {
		sql := fmt.Sprintf("SELECT %s(%s) AS %s, %s FROM %s GROUP BY %[4]s", pick, rowColumn, rowColumn, quoted(p.columnNames()), p.current)
		if p.split {
			// The same row may be in two parts; it stays in that of the one kept.
			sql = fmt.Sprintf("SELECT %s(%s) AS %s, arg_%s(%s, %s) AS %s, %s FROM %s GROUP BY %[8]s",
				pick, rowColumn, rowColumn, pick, partColumn, rowColumn, partColumn, quoted(p.columnNames()), p.current)
		}
		if err := p.make("", sql, p.columns); err != nil {
			return err
		}
		return p.recount("equal to another row in all columns")
	}
	var present []string
	for i, name := range d.Key {
		if _, err := p.column("key."+strconv.Itoa(i), name); err != nil {
			return err
		}
		present = append(present, duck.Name(name)+" IS NOT NULL")
	}
	winner := fmt.Sprintf("%s(%s)", pick, rowColumn)
	if d.Time != "" {
		c, err := p.column("time", d.Time)
		if err != nil {
			return err
		}
		if !isTime(c.typ) && !isNumber(c.typ) {
			return p.configErrorf("time", "column %q is %s; cast it to TIMESTAMP before", c.name, c.typ)
		}
		// Rows without a time lose; of equally new ones the later in the source
		// wins, of equally old ones the earlier.
		order := fmt.Sprintf("%s DESC NULLS LAST, %s DESC", duck.Name(d.Time), rowColumn)
		if d.Keep == "oldest" {
			order = fmt.Sprintf("%s ASC NULLS LAST, %s ASC", duck.Name(d.Time), rowColumn)
		}
		winner = fmt.Sprintf("first(%s ORDER BY %s)", rowColumn, order)
	}
	if err := p.materialize(); err != nil {
		return err
	}
	complete := strings.Join(present, " AND ")
	sql := fmt.Sprintf("SELECT * FROM %[1]s WHERE NOT (%[2]s) OR %[3]s IN (SELECT %[4]s FROM %[1]s WHERE %[2]s GROUP BY %[5]s)",
		p.current, complete, rowColumn, winner, quoted(d.Key))
	if err := p.make("", sql, p.columns); err != nil {
		return err
	}
	kept := d.Keep
	if kept == "" {
		kept = "first"
	}
	return p.recount(fmt.Sprintf("not the %s row of its %s", kept, strings.Join(d.Key, ", ")))
}
