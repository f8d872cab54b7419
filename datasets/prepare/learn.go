package prepare

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/duck"
)

// training is what steps that learn look at.
const training = partColumn + " = 0"

// fill replaces missing values by a constant or by a statistic of the training
// rows.
func (p *pipeline) fill(fills map[string]Fill) error {
	names := slices.Sorted(maps.Keys(fills))
	exprs := map[string]string{}
	var missing []string
	for _, name := range names {
		c, err := p.column(name, name)
		if err != nil {
			return err
		}
		value, err := p.fillWith(c, fills[name])
		if err != nil {
			return err
		}
		exprs[name] = fmt.Sprintf("coalesce(%s, %s)", duck.Name(name), value)
		missing = append(missing, fmt.Sprintf("count(*) - count(%s)", duck.Name(name)))
		if fills[name].Method != "" && fills[name].Method != FillPrevious {
			p.step.Notes = append(p.step.Notes, fmt.Sprintf("%s is filled with %s", name, value))
		}
	}
	counts, err := p.integers("", len(names), "SELECT "+strings.Join(missing, ", ")+" FROM "+p.current)
	if err != nil {
		return err
	}
	p.step.Changed = map[string]int64{}
	for i, name := range names {
		p.step.Changed[name] = counts[i]
	}
	if slices.ContainsFunc(names, func(n string) bool { return fills[n].Method == FillPrevious }) {
		// Windows are computed once.
		return p.make("", p.replace(exprs), p.columns)
	}
	return p.view("", p.replace(exprs), p.columns)
}

// fillWith returns the SQL of what replaces missing values of a column.
func (p *pipeline) fillWith(c column, f Fill) (string, error) {
	col := duck.Name(c.name)
	from := fmt.Sprintf("FROM %s WHERE %s AND %s IS NOT NULL", p.current, training, col)
	numeric := func() error {
		if !isNumber(c.typ) {
			return p.configErrorf(c.name+".method", "column %q is %s; %s is for numbers: use most_frequent or a constant", c.name, c.typ, f.Method)
		}
		return nil
	}
	var sql string
	switch f.Method {
	case "", FillConstant:
		expr := fmt.Sprintf("CAST(%s AS %s)", duck.Literal(f.Value), c.typ)
		if _, err := p.texts(c.name, 1, "SELECT "+expr); err != nil {
			return "", p.configErrorf(c.name, "%q is no value of column %q, which is %s", f.Value, c.name, c.typ)
		}
		return expr, nil
	case FillPrevious:
		t, err := p.column(c.name+".time", f.Time)
		if err != nil {
			return "", err
		}
		partition := ""
		if f.By != "" {
			if _, err := p.column(c.name+".by", f.By); err != nil {
				return "", err
			}
			partition = "PARTITION BY " + duck.Name(f.By) + " "
		}
		return fmt.Sprintf("last_value(%s IGNORE NULLS) OVER (%sORDER BY %s, %s ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)", col, partition, duck.Name(t.name), rowColumn), nil
	case FillMean:
		if err := numeric(); err != nil {
			return "", err
		}
		sql = fmt.Sprintf("SELECT CAST(sum(%s) AS DOUBLE) / count(*) %s", exact(col, c.typ), from)
	case FillMedian:
		if err := numeric(); err != nil {
			return "", err
		}
		sql = fmt.Sprintf("SELECT quantile_cont(CAST(%s AS DOUBLE), 0.5) %s", col, from)
	case FillMostFrequent:
		sql = fmt.Sprintf("SELECT %[1]s %[2]s GROUP BY %[1]s ORDER BY count(*) DESC, %[1]s LIMIT 1", col, from)
	}
	p.note(sql)
	value, err := p.texts(c.name, 1, sql)
	if err != nil {
		return "", err
	}
	if len(value) == 0 || value[0][0] == "" {
		return "", p.configErrorf(c.name, "column %q has no value in the training rows to fill with", c.name)
	}
	typ := c.typ
	if f.Method != FillMostFrequent {
		typ = "DOUBLE"
		if isInteger(c.typ) {
			return fmt.Sprintf("CAST(round(%s::DOUBLE) AS %s)", value[0][0], c.typ), nil
		}
	}
	return fmt.Sprintf("CAST(CAST(%s AS %s) AS %s)", duck.Literal(value[0][0]), typ, c.typ), nil
}

// exact makes numbers decimal, so that their sum does not depend on the order
// of summands: to six digits after the point, as money has them.
func exact(expr, typ string) string {
	if isInteger(typ) || isDecimal(typ) {
		return expr
	}
	return fmt.Sprintf("CAST(%s AS DECIMAL(38, 6))", expr)
}

// clip bounds numbers, by what the training rows say where no bound is given.
func (p *pipeline) clip(clips map[string]Clip) error {
	names := slices.Sorted(maps.Keys(clips))
	exprs := map[string]string{}
	var changed []string
	for _, name := range names {
		c, err := p.column(name, name)
		if err != nil {
			return err
		}
		if !isNumber(c.typ) {
			return p.configErrorf(name, "column %q is %s; only numbers can be clipped", name, c.typ)
		}
		low, high, err := p.bounds(c, clips[name])
		if err != nil {
			return err
		}
		col, expr := duck.Name(name), duck.Name(name)
		var outside []string
		if low != "" {
			expr = fmt.Sprintf("greatest(%s, %s)", expr, low)
			outside = append(outside, fmt.Sprintf("%s < %s", col, low))
		}
		if high != "" {
			expr = fmt.Sprintf("least(%s, %s)", expr, high)
			outside = append(outside, fmt.Sprintf("%s > %s", col, high))
		}
		exprs[name] = fmt.Sprintf("CASE WHEN %s IS NOT NULL THEN CAST(%s AS %s) END", col, expr, c.typ)
		changed = append(changed, fmt.Sprintf("count(*) FILTER (WHERE %s)", strings.Join(outside, " OR ")))
		p.step.Notes = append(p.step.Notes, fmt.Sprintf("%s is kept between %s and %s", name, orNothing(low), orNothing(high)))
	}
	counts, err := p.integers("", len(names), "SELECT "+strings.Join(changed, ", ")+" FROM "+p.current)
	if err != nil {
		return err
	}
	p.step.Changed = map[string]int64{}
	for i, name := range names {
		p.step.Changed[name] = counts[i]
	}
	return p.view("", p.replace(exprs), p.columns)
}

func orNothing(bound string) string {
	if bound == "" {
		return "anything"
	}
	return bound
}

// bounds returns the bounds as SQL, "" where there is none.
func (p *pipeline) bounds(c column, k Clip) (low, high string, err error) {
	if k.Min != nil || k.Max != nil {
		if k.Min != nil {
			low = number(*k.Min)
		}
		if k.Max != nil {
			high = number(*k.Max)
		}
		return low, high, nil
	}
	col := fmt.Sprintf("CAST(%s AS DOUBLE)", duck.Name(c.name))
	from := fmt.Sprintf("FROM %s WHERE %s AND %s IS NOT NULL", p.current, training, duck.Name(c.name))
	var sql string
	if k.Quantiles != nil {
		sql = fmt.Sprintf("SELECT quantile_cont(%[1]s, %[2]s), quantile_cont(%[1]s, %[3]s) %[4]s", col, number(k.Quantiles[0]), number(k.Quantiles[1]), from)
	} else {
		// 1.4826 makes the deviation that of a normal distribution.
		sql = fmt.Sprintf("SELECT m - d, m + d FROM (SELECT m, %s * 1.4826 * (SELECT quantile_cont(abs(%s - m), 0.5) %s) AS d FROM (SELECT quantile_cont(%s, 0.5) AS m %s))",
			number(k.MAD), col, from, col, from)
	}
	p.note(sql)
	rows, err := p.texts(c.name, 2, sql)
	if err != nil {
		return "", "", err
	}
	if len(rows) == 0 || rows[0][0] == "" {
		return "", "", p.configErrorf(c.name, "column %q has no value in the training rows to learn bounds from", c.name)
	}
	if k.MAD != 0 && rows[0][0] == rows[0][1] {
		return "", "", p.configErrorf(c.name+".mad", "more than half of the training rows have %s in column %q, so that the median absolute deviation is 0; use quantiles", rows[0][0], c.name)
	}
	return rows[0][0] + "::DOUBLE", rows[0][1] + "::DOUBLE", nil
}

func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) + "::DOUBLE" }

// resample repeats training rows, or leaves some out, by class.
func (p *pipeline) resample(r *Resample) error {
	c, err := p.column("label", r.Label)
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("CASE")
	most := 1
	for _, class := range slices.Sorted(maps.Keys(r.Rates)) {
		rate := r.Rates[class]
		most = max(most, int(rate)+1)
		whole := int(rate)
		same := fmt.Sprintf("lower(CAST(%s AS VARCHAR)) = %s", duck.Name(c.name), duck.Literal(strings.ToLower(class)))
		n, err := p.integer("rates."+class, fmt.Sprintf("SELECT count(*) FROM %s WHERE %s AND %s", p.current, training, same))
		if err != nil {
			return err
		}
		if n == 0 {
			return p.configErrorf("rates."+class, "no training row has %q in column %q", class, c.name)
		}
		fmt.Fprintf(&b, " WHEN %s AND %s THEN %d + CAST(%s AS BIGINT)", training, same, whole, below(p.random("resample", rowColumn), rate-float64(whole)))
	}
	b.WriteString(" ELSE 1 END")
	sql := fmt.Sprintf("SELECT %s * %d + k AS %s, %s, %s FROM (SELECT *, unnest(range(%s)) AS k FROM %s)",
		rowColumn, most, rowColumn, partColumn, quoted(p.columnNames()), b.String(), p.current)
	before := p.rows
	if err := p.make("", sql, p.columns); err != nil {
		return err
	}
	if err := p.recount("resampled"); err != nil {
		return err
	}
	p.step.Notes = append(p.step.Notes, fmt.Sprintf("%d rows became %d; what a model predicts is calibrated to the new shares", before, p.rows))
	return nil
}
