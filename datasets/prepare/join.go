package prepare

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"debut/datasets/configfile"
	"debut/datasets/duck"
)

func (j *Join) validate(c *Config, path string) error {
	if err := c.checkSource(path+".table", j.Table); err != nil {
		return err
	}
	if len(j.On) == 0 && len(j.Keys) == 0 {
		return configfile.Errorf(path+".on", "is not given; name the columns that are equal")
	}
	if j.How != "" {
		if err := oneOf(path+".how", j.How, "left", "inner"); err != nil {
			return err
		}
	}
	if a := j.AsOf; a != nil {
		if a.At == "" {
			return configfile.Errorf(path+".as_of.at", "is not given; name the column of a row's time")
		}
		if _, err := parseGap(path+".as_of.gap", a.Gap); err != nil {
			return err
		}
	}
	return nil
}

// keys returns the pairs of equal columns: here, there.
func (p *pipeline) keys(on []string, keys map[string]string, there []column, table, from string) (pairs [][2]column, err error) {
	add := func(key, here, other string) error {
		a, err := p.column(key, here)
		if err != nil {
			return err
		}
		b, err := p.find(key, other, there, table)
		if err != nil {
			return err
		}
		if isNumber(a.typ) != isNumber(b.typ) {
			return p.configErrorf(key, "column %q is %s here and %s in %s; cast one of them", here, a.typ, b.typ, table)
		}
		if isInteger(a.typ) && isFloat(b.typ) || isFloat(a.typ) && isInteger(b.typ) {
			// One of them becomes the other's type in a comparison, and loses digits.
			if err := p.checkDigits(key, here, a, p.current); err != nil {
				return err
			}
			if err := p.checkDigits(key, other, b, from); err != nil {
				return err
			}
		}
		pairs = append(pairs, [2]column{a, b})
		return nil
	}
	for _, name := range on {
		if err := add("on", name, name); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		if err := add("keys."+name, name, keys[name]); err != nil {
			return nil, err
		}
	}
	return pairs, nil
}

func isFloat(typ string) bool { return typ == "FLOAT" || typ == "DOUBLE" }

// checkDigits refuses a key of whole numbers that is compared with floating-point
// numbers, and a floating-point key, where values are larger than those hold.
func (p *pipeline) checkDigits(key, name string, c column, from string) error {
	col := duck.Name(c.name)
	n, err := p.integer(key, fmt.Sprintf("SELECT count(*) FROM %s WHERE %s >= 9007199254740992 OR %[2]s <= -9007199254740992", from, col))
	if err != nil || n == 0 {
		return err
	}
	return p.configErrorf(key, "column %q is compared with one of another type, and %d of its values, which are %s, are more than 2^53, where floating-point numbers lose digits and different ids become equal; write both columns as whole numbers or text where the data are made",
		name, n, c.typ)
}

// join adds columns of another source, of at most one row there for each row
// here: a join never multiplies rows.
func (p *pipeline) join(j *Join) error {
	there, err := p.describe(duck.Name(j.Table))
	if err != nil {
		return err
	}
	pairs, err := p.keys(j.On, j.Keys, there, j.Table, duck.Name(j.Table))
	if err != nil {
		return err
	}
	var keysThere []string
	for _, k := range pairs {
		keysThere = append(keysThere, k[1].name)
	}
	added := j.Columns
	if len(added) == 0 {
		for _, c := range there {
			if !slices.Contains(keysThere, c.name) && (j.AsOf == nil || c.name != j.AsOf.time()) {
				added = append(added, c.name)
			}
		}
	}
	columns := slices.Clone(p.columns)
	var items []string
	for _, name := range added {
		c, err := p.find("columns", name, there, j.Table)
		if err != nil {
			return err
		}
		if err := p.checkNew("columns", j.Prefix+name); err != nil {
			return p.configErrorf("prefix", "there is a column %q already; name only some columns, or put a prefix before them", j.Prefix+name)
		}
		items = append(items, fmt.Sprintf("b.%s AS %s", duck.Name(name), duck.Name(j.Prefix+name)))
		columns = append(columns, column{j.Prefix + name, c.typ})
	}
	var on []string
	for _, k := range pairs {
		on = append(on, fmt.Sprintf("a.%s = b.%s", duck.Name(k[0].name), duck.Name(k[1].name)))
	}
	own := make([]string, len(p.columns))
	for i, c := range p.columns {
		own[i] = "a." + duck.Name(c.name)
	}
	head := "SELECT a." + strings.Join(append(append([]string{strings.Replace(p.carried(), ", ", ", a.", 1)}, own...), items...), ", ")
	kind := "LEFT JOIN"
	if j.How == "inner" || j.AsOf != nil && j.AsOf.Require {
		kind = "JOIN"
	}
	if j.AsOf != nil {
		return p.joinAsOf(j, there, head, kind, strings.Join(on, " AND "), keysThere, columns)
	}
	if err := p.checkUnique(j, keysThere); err != nil {
		return err
	}
	sql := fmt.Sprintf("%s FROM %s a %s %s b ON %s", head, p.current, kind, duck.Name(j.Table), strings.Join(on, " AND "))
	if err := p.make("", sql, columns); err != nil {
		return err
	}
	return p.recount("no match in " + j.Table)
}

// checkUnique refuses a table in which a key occurs twice.
func (p *pipeline) checkUnique(j *Join, keys []string) error {
	complete := make([]string, len(keys))
	for i, k := range keys {
		complete[i] = duck.Name(k) + " IS NOT NULL"
	}
	list := quoted(keys)
	sql := fmt.Sprintf("SELECT concat_ws(', ', %s), count(*) FROM %s WHERE %s GROUP BY %[1]s HAVING count(*) > 1 ORDER BY 2 DESC, 1 LIMIT 1",
		list, duck.Name(j.Table), strings.Join(complete, " AND "))
	rows, err := p.texts("", 2, sql)
	if err != nil {
		return err
	}
	if len(rows) > 0 {
		return p.configErrorf("table", "%s has %s rows for %s = %q, and a join must not multiply rows; make it unique with a query, take the latest with as_of, or aggregate it",
			j.Table, rows[0][1], strings.Join(keys, ", "), rows[0][0])
	}
	return nil
}

func (a *AsOf) time() string {
	if a.Time == "" {
		return a.At
	}
	return a.Time
}

// joinAsOf takes the latest row that was known at the row's own time. Of rows of
// the same time the last in the source counts.
func (p *pipeline) joinAsOf(j *Join, there []column, head, kind, on string, keys []string, columns []column) error {
	at, err := p.moment("as_of.at", j.AsOf.At, p.columns, "a.", "the rows")
	if err != nil {
		return err
	}
	then, err := p.moment("as_of.time", j.AsOf.time(), there, "", j.Table)
	if err != nil {
		return err
	}
	gap, err := parseGap("as_of.gap", j.AsOf.Gap)
	if err != nil {
		return err
	}
	latest := fmt.Sprintf("(SELECT *, %s AS __then FROM (SELECT *, %s AS __number FROM %s) WHERE __then IS NOT NULL QUALIFY row_number() OVER (PARTITION BY %s, __then ORDER BY __number DESC) = 1)",
		then, rowNumber(there), duck.Name(j.Table), quoted(keys))
	sql := fmt.Sprintf("%s FROM %s a ASOF %s %s b ON %s AND %s - %d >= b.__then", head, p.current, kind, latest, on, at, gap)
	if err := p.make("", sql, columns); err != nil {
		return err
	}
	return p.recount("nothing known in " + j.Table + " at that time")
}
