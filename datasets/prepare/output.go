package prepare

import (
	"fmt"
	"slices"
	"strings"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/manifest"
)

// outputColumns decides on the type of each column and returns the SQL that
// gives it.
func (p *pipeline) outputColumns() ([]string, error) {
	for name := range p.cfg.Columns {
		p.path = ""
		if _, err := p.column("columns."+name, name); err != nil {
			return nil, err
		}
	}
	wide, err := p.wideNumbers()
	if err != nil {
		return nil, err
	}
	var items []string
	for _, c := range p.columns {
		col := duck.Name(c.name)
		m := manifest.Column{Name: c.name}
		sql := ""
		switch {
		case wide[c.name] != "" && p.cfg.Columns[c.name] != manifest.Numeric:
			m.Type, m.SQL, sql = manifest.Numeric, wide[c.name], "CAST("+col+" AS "+wide[c.name]+")"
			if m.SQL == "VARCHAR" {
				m.Type, sql = manifest.Categorical, wholeText(c)
				p.log.Warn("whole numbers of more than 64 bits are kept as text; where they are a quantity, say so: columns: {NAME: numeric}", "column", c.name)
			}
		case c.typ == "BOOLEAN":
			m.Type, m.SQL, sql = manifest.Boolean, "BOOLEAN", col
		case slices.Contains([]string{"UBIGINT", "HUGEINT", "UHUGEINT", "FLOAT", "DOUBLE"}, c.typ) || isDecimal(c.typ) || wide[c.name] != "":
			m.Type, m.SQL, sql = manifest.Numeric, "DOUBLE", "CAST("+col+" AS DOUBLE)"
		case isInteger(c.typ):
			m.Type, m.SQL, sql = manifest.Numeric, "BIGINT", "CAST("+col+" AS BIGINT)"
		case isTime(c.typ):
			// A time with a zone becomes its UTC reading.
			m.Type, m.SQL, sql = manifest.Date, "TIMESTAMP", "make_timestamp(epoch_us("+col+"))"
		case isNumberList(c.typ):
			var err error
			if m, sql, err = p.listColumn(c); err != nil {
				return nil, err
			}
		case c.typ == "VARCHAR[]":
			m.Type, m.SQL, sql = manifest.List, c.typ, col
		case c.typ == "VARCHAR" || c.typ == "UUID" || c.typ == "TIME" || c.typ == "JSON" || strings.HasPrefix(c.typ, "ENUM"):
			m.Type, m.SQL, sql = manifest.Categorical, "VARCHAR", "CAST("+col+" AS VARCHAR)"
		default:
			return nil, configfile.Errorf("", "column %q is %s, which training cannot read; cast it, take what is wanted of it with derive, or drop it", c.name, c.typ)
		}
		if want := string(p.cfg.Columns[c.name]); want != "" && want != m.Type {
			if want == manifest.Categorical && m.Type != manifest.Vector && m.Type != manifest.List {
				if m.SQL == "VARCHAR" || wide[c.name] == "" {
					sql = "CAST(" + col + " AS VARCHAR)"
				} else {
					sql = wholeText(c)
				}
				m.SQL = "VARCHAR"
			} else if want != manifest.Text || m.Type != manifest.Categorical {
				return nil, configfile.Errorf("columns."+c.name, "column %q is %s and cannot be %s; cast it before", c.name, c.typ, want)
			}
			m.Type = want
		}
		if m.Type == manifest.Numeric && m.SQL == "BIGINT" && wide[c.name] != "" {
			m.Type = manifest.Categorical // ids, as a run takes them for, in all their digits
		}
		p.made.Columns = append(p.made.Columns, m)
		items = append(items, sql+" AS "+col)
	}
	if len(items) == 0 {
		return nil, configfile.Errorf("steps", "no column is left")
	}
	return items, nil
}

// listColumn decides on a column of lists of numbers: a vector where all rows
// have as many of them. Lists of 32-bit integers are the features of sparse rows,
// as the text formats give them, unless they are declared to be vectors.
func (p *pipeline) listColumn(c column) (m manifest.Column, sql string, err error) {
	m, col := manifest.Column{Name: c.name}, duck.Name(c.name)
	element := c.typ[:strings.LastIndexByte(c.typ, '[')]
	declared := string(p.cfg.Columns[c.name])
	wide, err := p.wideList(c, element)
	if err != nil {
		return m, "", err
	}
	if wide {
		m.Type, m.SQL = manifest.List, "BIGINT[]"
		return m, "CAST(" + col + " AS BIGINT[])", nil
	}
	if declared != manifest.List && (declared == manifest.Vector || element != "INTEGER") {
		widths, err := p.integers("", 2, fmt.Sprintf("SELECT coalesce(min(len(%[1]s)), 0), coalesce(max(len(%[1]s)), 0) FROM %[2]s", col, p.current))
		if err != nil {
			return m, "", err
		}
		if widths[0] == widths[1] && widths[0] > 0 {
			m.Type, m.SQL, m.Width = manifest.Vector, "FLOAT[]", int(widths[0])
			return m, "CAST(" + col + " AS FLOAT[])", nil
		}
		if declared == manifest.Vector {
			return m, "", configfile.Errorf("columns."+c.name, "the lists of column %q have from %d to %d values; a vector has as many in every row", c.name, widths[0], widths[1])
		}
	}
	m.Type, m.SQL = manifest.List, "DOUBLE[]"
	if isInteger(element) && element != "UBIGINT" && element != "HUGEINT" && element != "UHUGEINT" {
		m.SQL = "BIGINT[]"
	}
	return m, "CAST(" + col + " AS " + m.SQL + ")", nil
}

// wideList reports lists of whole numbers of more than 2^53, of which floating-point numbers would make one another. It
// is an error where 64 bits do not hold them either, and where they are floating-point numbers already.
func (p *pipeline) wideList(c column, element string) (bool, error) {
	if !isExact(element) && element != "BIGINT" && element != "DOUBLE" {
		return false, nil
	}
	list := "CAST(" + duck.Name(c.name) + " AS " + element + "[])"
	large, err := p.integer("", fmt.Sprintf("SELECT CAST(coalesce(max(greatest(CAST(list_max(%[1]s) AS DOUBLE), -CAST(list_min(%[1]s) AS DOUBLE))) >= 9007199254740992, FALSE) AS BIGINT) FROM %[2]s", list, p.current))
	if err != nil || large == 0 {
		return false, err
	}
	whole, some := "TRUE", "e IS NOT NULL"
	if element == "DOUBLE" || isDecimal(element) {
		whole = "coalesce(bool_and(e = trunc(e)), TRUE)"
	}
	if element == "DOUBLE" {
		some = "isfinite(e)"
	}
	found, err := p.integers("", 2, fmt.Sprintf("SELECT CAST(%s AND coalesce(max(abs(CAST(e AS DOUBLE))) >= 9007199254740992, FALSE) AS BIGINT), "+
		"CAST(coalesce(bool_and(TRY_CAST(e AS BIGINT) IS NOT NULL), TRUE) AS BIGINT) FROM (SELECT unnest(%s) AS e FROM %s) WHERE %s", whole, list, p.current, some))
	if err != nil {
		return false, err
	}
	const remedy = "keep them as texts, one row for each, or derive of them what is wanted"
	switch {
	case found[0] == 0:
		return false, nil
	case element == "DOUBLE":
		return false, configfile.Errorf("columns."+c.name, "the lists of column %q hold whole numbers of more than 2^53 as floating-point numbers, which have lost digits already: ids that differed may be equal; write them as texts where the data are made, or drop the column", c.name)
	case found[1] == 0:
		return false, configfile.Errorf("columns."+c.name, "the lists of column %q hold whole numbers of more than 64 bits, which prepared data cannot; %s", c.name, remedy)
	case p.cfg.Columns[c.name] == manifest.Vector:
		return false, configfile.Errorf("columns."+c.name, "the lists of column %q hold whole numbers of more than 2^53, of which a vector would make others; %s", c.name, remedy)
	}
	return true, nil
}

// isExact reports a type of decimal digits, which may hold numbers that neither a
// DOUBLE nor a BIGINT can.
func isExact(typ string) bool {
	return slices.Contains([]string{"UBIGINT", "HUGEINT", "UHUGEINT"}, typ) || isDecimal(typ)
}

// wideNumbers returns the columns of exact whole numbers of more than 2^53, of which
// a DOUBLE would make one another, with the type that keeps them as they are: BIGINT,
// or VARCHAR where they do not fit.
func (p *pipeline) wideNumbers() (map[string]string, error) {
	var names, items []string
	for _, c := range p.columns {
		if !isExact(c.typ) && c.typ != "BIGINT" {
			continue
		}
		col := duck.Name(c.name)
		names = append(names, c.name)
		whole := "TRUE"
		if isDecimal(c.typ) {
			whole = fmt.Sprintf("coalesce(bool_and(%[1]s = trunc(%[1]s)), TRUE)", col)
		}
		items = append(items,
			fmt.Sprintf("CAST(%[2]s AND coalesce(max(%[1]s) >= 9007199254740992 OR min(%[1]s) <= -9007199254740992, FALSE) AS BIGINT)", col, whole),
			fmt.Sprintf("CAST(coalesce(max(%[1]s) <= 9223372036854775807 AND min(%[1]s) >= -9223372036854775808, TRUE) AS BIGINT)", col))
	}
	wide := map[string]string{}
	if len(items) == 0 {
		return wide, nil
	}
	found, err := p.integers("", len(items), "SELECT "+strings.Join(items, ", ")+" FROM "+p.current)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		switch {
		case found[2*i] == 0:
		case found[2*i+1] == 1:
			wide[name] = "BIGINT"
		default:
			wide[name] = "VARCHAR"
		}
	}
	return wide, nil
}

// isDecimal reports a type of decimals, not one of lists of them.
func isDecimal(typ string) bool {
	return strings.HasPrefix(typ, "DECIMAL") && !strings.HasSuffix(typ, "]")
}

// wholeText is the SQL of a whole number as text, in all its digits and without
// zeros behind a point.
func wholeText(c column) string {
	col := duck.Name(c.name)
	if isDecimal(c.typ) {
		return "CAST(CAST(" + col + " AS DECIMAL(38, 0)) AS VARCHAR)"
	}
	return "CAST(" + col + " AS VARCHAR)"
}
