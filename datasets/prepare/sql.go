package prepare

import (
	"fmt"
	"strings"

	"debut/datasets/duck"
)

// sql runs a SELECT of the user's over the view input. Rows without a number of
// their own get one: that of the query's order where it ends with ORDER BY, else
// that of the order of all columns.
func (p *pipeline) sql(query string) error {
	query = trimQuery(query)
	if err := p.db.Check(p.ctx, query); err != nil {
		return p.explain("", err)
	}
	columns, statement, err := p.describeSQL(query)
	if err != nil {
		return err
	}
	if p.serial = !statement.Threads; p.serial {
		err = p.inOrder()
	} else {
		err = p.materialize()
	}
	if err != nil {
		return err
	}
	carried, own := p.carried(), false
	var names, order []string
	for _, c := range columns {
		if c.name == rowColumn {
			own = true
		} else if c.name != partColumn {
			names = append(names, c.name)
			order = append(order, duck.Name(c.name))
		}
	}
	if !own {
		by := "ORDER BY " + strings.Join(order, ", ")
		if statement.Order == duck.Given {
			by = ""
		}
		carried = strings.Replace(carried, rowColumn, fmt.Sprintf("row_number() OVER (%s) - 1 AS %s", by, rowColumn), 1)
	}
	if err := p.exec("", "CREATE VIEW input AS SELECT * FROM "+p.current); err != nil {
		return err
	}
	create := func() error {
		return p.exec("", fmt.Sprintf("CREATE TABLE result AS SELECT %s, %s FROM (%s\n)", carried, quoted(names), query))
	}
	if p.serial {
		err = p.alone(create)
	} else {
		err = create()
	}
	if err != nil {
		return err
	}
	if own {
		repeated, err := p.integer("", "SELECT count(*) - count(DISTINCT "+rowColumn+") FROM result")
		if err != nil {
			return err
		}
		if repeated > 0 {
			return p.configErrorf("", "the result has %d rows whose %s is missing or repeated; leave that column out to have the rows numbered anew", repeated, rowColumn)
		}
	}
	kept := columns[:0]
	for _, c := range columns {
		if c.name != rowColumn && c.name != partColumn {
			kept = append(kept, c)
		}
	}
	return p.adoptResult(kept)
}

// describeSQL returns the columns of a step's query, those that rows carry too, and
// what its text says.
func (p *pipeline) describeSQL(query string) (columns []column, s duck.Statement, err error) {
	if err := p.db.Query(p.ctx, "CREATE VIEW input AS SELECT * FROM "+p.current, nil); err != nil {
		return nil, s, p.explain("", err)
	}
	// Places in messages are those of the query alone.
	if _, err := p.db.Describe(p.ctx, query); err != nil {
		return nil, s, p.explain("", err)
	}
	rows, err := p.texts("", 2, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM ("+query+"\n))")
	if err != nil {
		return nil, s, err
	}
	own, part := 0, false
	for _, r := range rows {
		part = part || r[0] == partColumn
		if r[0] != rowColumn && r[0] != partColumn {
			own++
		}
		columns = append(columns, column{r[0], r[1]})
	}
	if own == 0 {
		return nil, s, p.configErrorf("", "the result has no columns")
	}
	if p.split && !part {
		return nil, s, p.configErrorf("", "the rows are split already, by a step that learns from them; keep the column %s", partColumn)
	}
	if s, err = p.db.Statement(p.ctx, query); err != nil {
		return nil, s, p.explain("", err)
	}
	return columns, s, p.explain("", p.db.Query(p.ctx, "DROP VIEW input", nil))
}

// adoptResult goes on with the rows of the table result.
func (p *pipeline) adoptResult(columns []column) error {
	if err := p.db.Query(p.ctx, "DROP VIEW input", nil); err != nil {
		return p.explain("", err)
	}
	name := p.name("table")
	if err := p.db.Query(p.ctx, "ALTER TABLE result RENAME TO "+name, nil); err != nil {
		return p.explain("", err)
	}
	if p.own != "" {
		if err := p.db.Query(p.ctx, "DROP TABLE "+p.own, nil); err != nil {
			return p.explain("", err)
		}
	}
	p.current, p.table, p.own, p.views, p.columns = name, true, name, nil, columns
	before := p.rows
	if err := p.recount("not in the result of the query"); err != nil {
		return err
	}
	if p.rows > before {
		p.step.Notes = append(p.step.Notes, fmt.Sprintf("%d rows were added", p.rows-before))
	}
	return nil
}
