package prepare

import (
	"fmt"
	"strings"

	"debut/datasets/duck"
	"debut/datasets/manifest"
)

// negatives adds, for each row, rows of the same user with items that the user
// has chosen at no time. Other columns are those of the row: what is known of an
// item is joined after this step.
func (p *pipeline) negatives(n *Negatives) error {
	user, err := p.column("user", n.User)
	if err != nil {
		return err
	}
	item, err := p.column("item", n.Item)
	if err != nil {
		return err
	}
	if err := p.checkNew("label", n.Label); err != nil {
		return err
	}
	if err := p.materialize(); err != nil {
		return err
	}
	ratio := n.Ratio
	if ratio == 0 {
		ratio = 4
	}
	u, i := duck.Name(user.name), duck.Name(item.name)
	pool := fmt.Sprintf("SELECT item, row_number() OVER (ORDER BY item) - 1 AS n FROM (SELECT DISTINCT %s AS item FROM %s WHERE item IS NOT NULL)", i, p.current)
	if n.By == "popularity" {
		pool = fmt.Sprintf("SELECT %s AS item, row_number() OVER (ORDER BY %s) - 1 AS n FROM %s WHERE item IS NOT NULL", i, rowColumn, p.current)
	}
	if err := p.exec("", "CREATE TABLE negative_pool AS "+pool); err != nil {
		return err
	}
	size, err := p.integer("", "SELECT count(*) FROM negative_pool")
	if err != nil {
		return err
	}
	if size == 0 {
		return p.configErrorf("item", "column %q has no values", n.Item)
	}
	// Twice as many are drawn as needed: some were chosen, or are drawn twice.
	draws := 2*ratio + 8
	columns := append(append([]column{}, p.columns...), column{n.Label, "BOOLEAN"})
	own := make([]string, len(p.columns))
	for k, c := range p.columns {
		own[k] = "r." + duck.Name(c.name)
		if c == item {
			own[k] = "d.item AS " + i
		}
	}
	carried := func(row string) string {
		if p.split {
			return row + ", r." + partColumn
		}
		return row
	}
	drawn := fmt.Sprintf(`SELECT r.%[1]s AS id, k, l.item FROM (SELECT %[1]s, %[2]s, unnest(range(%[3]d)) AS k FROM %[4]s WHERE %[2]s IS NOT NULL) r JOIN negative_pool l ON l.n = CAST(%[5]s %% %[6]d AS BIGINT) ANTI JOIN (SELECT DISTINCT %[2]s AS cu, %[7]s AS ci FROM %[4]s) chosen ON chosen.cu = r.%[2]s AND chosen.ci = l.item`,
		rowColumn, u, draws, p.current, p.random("negatives", "r."+rowColumn, "k"), size, i)
	drawn = fmt.Sprintf("SELECT id, item, min(k) AS k FROM (%s) GROUP BY id, item QUALIFY row_number() OVER (PARTITION BY id ORDER BY min(k)) <= %d", drawn, ratio)
	sql := fmt.Sprintf("SELECT %s, %s, TRUE AS %s FROM %s r UNION ALL SELECT %s, %s, FALSE FROM (%s) d JOIN %s r ON r.%s = d.id",
		carried(fmt.Sprintf("%s * %d AS %s", rowColumn, draws+1, rowColumn)), quoted(p.columnNames()), duck.Name(n.Label), p.current,
		carried(fmt.Sprintf("r.%s * %d + 1 + d.k AS %s", rowColumn, draws+1, rowColumn)), strings.Join(own, ", "), drawn, p.current, rowColumn)
	before := p.rows
	if err := p.make("", sql, columns); err != nil {
		return err
	}
	if err := p.db.Query(p.ctx, "DROP TABLE negative_pool", nil); err != nil {
		return p.explain("", err)
	}
	if err := p.recount(""); err != nil {
		return err
	}
	if short := before*int64(ratio+1) - p.rows; short > 0 {
		p.step.Notes = append(p.step.Notes, fmt.Sprintf("%d of %d negative rows could not be drawn: some users have chosen most items", short, before*int64(ratio)))
	}
	return nil
}

// privacyNotes returns the part of the description about privacy.
func (p *pipeline) privacyNotes() *manifest.Privacy {
	v := p.privacy
	if len(v.Pseudonymized)+len(v.Generalized)+len(v.Masked) == 0 && v.Anonymity == nil {
		return nil
	}
	return &v
}
