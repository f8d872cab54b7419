package prepare

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/manifest"
	"debut/datasets/personal"
)

// minKey is the shortest key of pseudonyms, in bytes.
const minKey = 16

// installKey gives the database the two blocks that HMAC-SHA256 (RFC 2104) puts
// before a message. They are variables of the session, so that the key stands in
// no SQL that is shown or recorded.
func (p *pipeline) installKey() error {
	if p.keyed {
		return nil
	}
	key := p.key
	if len(key) < minKey {
		return configfile.Errorf("key", "the key has %d bytes; it needs at least %d: make one with openssl rand -hex 32", len(key), minKey)
	}
	if len(key) > sha256.BlockSize {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	block := func(pad byte) string {
		b := slices.Repeat([]byte{pad}, sha256.BlockSize)
		for i, k := range key {
			b[i] ^= k
		}
		return hex.EncodeToString(b)
	}
	for name, pad := range map[string]byte{"debut_inner": 0x36, "debut_outer": 0x5c} {
		if err := p.db.Query(p.ctx, "SET VARIABLE "+name+" = unhex('"+block(pad)+"')", nil); err != nil {
			return configfile.Errorf("key", "the database did not take the key") // its message would quote it
		}
	}
	p.keyed = true
	return nil
}

// pseudonym is the SQL of the keyed pseudonym of a value: the first 128 bits of
// HMAC-SHA256 over kind, a zero byte, and the value, in hexadecimal digits.
func pseudonym(kind, expr string) string {
	message := fmt.Sprintf("encode(%s) || '\\x00'::BLOB || encode(CAST(%s AS VARCHAR))", duck.Literal(kind), expr)
	return fmt.Sprintf("left(sha256(getvariable('debut_outer') || unhex(sha256(getvariable('debut_inner') || %s))), 32)", message)
}

// pseudonymize replaces ids by pseudonyms. Each distinct id is hashed once.
func (p *pipeline) pseudonymize(kinds map[string]string) error {
	if err := p.installKey(); err != nil {
		return err
	}
	exprs, columns := map[string]string{}, slices.Clone(p.columns)
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		c, err := p.column(name, name)
		if err != nil {
			return err
		}
		kind := kinds[name]
		if kind == "" {
			return p.configErrorf(name, "the kind of id is empty; name it, such as %s: customer", name)
		}
		if isNumberList(c.typ) {
			return p.configErrorf(name, "column %q is %s, which is no id", name, c.typ)
		}
		exprs[name] = pseudonym(kind, duck.Name(name))
		columns[slices.Index(p.columns, c)].typ = "VARCHAR"
		p.privacy.Pseudonymized = append(p.privacy.Pseudonymized, name)
	}
	// A table: hashing again with every later look at the rows would be slow.
	return p.make("", p.replace(exprs), columns)
}

// generalize makes values coarser.
func (p *pipeline) generalize(how map[string]Generalization) error {
	exprs, columns := map[string]string{}, slices.Clone(p.columns)
	var changed []string
	names := slices.Sorted(maps.Keys(how))
	for _, name := range names {
		c, err := p.column(name, name)
		if err != nil {
			return err
		}
		g, col := how[name], duck.Name(name)
		wrong := func(what string) error {
			return p.configErrorf(name, "column %q is %s; %s", name, c.typ, what)
		}
		var expr, typ string
		switch {
		case g.Width != 0:
			if !isNumber(c.typ) {
				return wrong("width is for numbers")
			}
			if typ = "DOUBLE"; isInteger(c.typ) && g.Width == float64(int64(g.Width)) {
				typ = "BIGINT"
			}
			expr = fmt.Sprintf("CAST(floor(%[1]s / %[2]s) * %[2]s AS %[3]s)", col, number(g.Width), typ)
		case g.Prefix != 0:
			typ = "VARCHAR"
			expr = fmt.Sprintf("left(CAST(%s AS VARCHAR), %d)", col, g.Prefix)
		case g.Unit != "":
			if !isTime(c.typ) {
				return wrong("a unit is for dates and times")
			}
			typ = "TIMESTAMP"
			expr = fmt.Sprintf("CAST(date_trunc(%s, %s) AS TIMESTAMP)", duck.Literal(g.Unit), col)
		default:
			if c.typ != "VARCHAR" {
				return wrong("rare_below is for text; cast it to VARCHAR before")
			}
			expr = fmt.Sprintf("CASE WHEN %[1]s IS NULL THEN NULL WHEN count(*) OVER (PARTITION BY %[1]s) < %[2]d THEN 'other' ELSE %[1]s END", col, g.RareBelow)
			if err := p.make("", p.replace(map[string]string{name: expr}), p.columns); err != nil {
				return err
			}
			p.privacy.Generalized = append(p.privacy.Generalized, name)
			continue
		}
		exprs[name] = expr
		columns[slices.Index(p.columns, c)].typ = typ
		changed = append(changed, name)
		p.privacy.Generalized = append(p.privacy.Generalized, name)
	}
	if len(changed) == 0 {
		return nil
	}
	return p.view("", p.replace(exprs), columns)
}

// What free text is searched for, most specific first.
var personalPatterns = []struct{ name, pattern string }{
	{"email", personal.EmailPattern}, {"iban", personal.IBANPattern}, {"card", personal.CardPattern}, {"id", personal.NationalIDPattern},
	{"ip", personal.IPv4Pattern}, {"ip", personal.IPv6Pattern}, {"phone", personal.PhonePattern}, {"phone", nationalPhone},
}

// nationalPhone finds numbers with an area code, (030) 123456 or 030/123456. To
// find personal data it would find too much; to hide them, it may.
const nationalPhone = `\(0?[0-9]{2,5}\)[ ./\-]?([0-9][ ./\-]?){4,8}[0-9]\b|\b0[1-9][0-9]{1,4}[ /\-]([0-9][ /\-]?){4,9}[0-9]\b`

// mask replaces what in free text could name a person.
func (p *pipeline) mask(names []string) error {
	exprs := map[string]string{}
	var changed []string
	for i, name := range names {
		c, err := p.column(strconv.Itoa(i), name)
		if err != nil {
			return err
		}
		if c.typ != "VARCHAR" {
			return p.configErrorf(strconv.Itoa(i), "column %q is %s, not text", name, c.typ)
		}
		expr := duck.Name(name)
		for _, k := range personalPatterns {
			expr = fmt.Sprintf("regexp_replace(%s, %s, '[%s]', 'g')", expr, duck.Literal(k.pattern), k.name)
		}
		exprs[name] = expr
		changed = append(changed, fmt.Sprintf("count(*) FILTER (WHERE a.%[1]s IS DISTINCT FROM b.%[1]s)", duck.Name(name)))
		p.privacy.Masked = append(p.privacy.Masked, name)
	}
	if err := p.materialize(); err != nil {
		return err
	}
	before := p.current
	if err := p.exec("", "CREATE TABLE masked AS "+p.replace(exprs)); err != nil {
		return err
	}
	counts, err := p.integers("", len(names), fmt.Sprintf("SELECT %s FROM %s a JOIN masked b USING (%s)", strings.Join(changed, ", "), before, rowColumn))
	if err != nil {
		return err
	}
	p.step.Changed = map[string]int64{}
	for i, name := range names {
		p.step.Changed[name] = counts[i]
	}
	if err := p.make("", "SELECT * FROM masked", p.columns); err != nil {
		return err
	}
	return p.explain("", p.db.Query(p.ctx, "DROP TABLE masked", nil))
}

// anonymize looks for combinations of quasi-identifiers that too few rows share.
func (p *pipeline) anonymize(a *Anonymize) error {
	for i, name := range a.Columns {
		if _, err := p.column("columns."+strconv.Itoa(i), name); err != nil {
			return err
		}
	}
	if err := p.materialize(); err != nil {
		return err
	}
	keys := quoted(a.Columns)
	sizes := fmt.Sprintf("SELECT count(*) AS n FROM %s GROUP BY %s", p.current, keys)
	sql := fmt.Sprintf("SELECT coalesce(sum(n) FILTER (WHERE n < %[1]d), 0), count(*) FILTER (WHERE n >= %[1]d), count(*), min(n), coalesce(min(n) FILTER (WHERE n >= %[1]d), 0) FROM (%[2]s)", a.K, sizes)
	p.note(sql)
	v, err := p.integers("", 5, sql)
	if err != nil {
		return err
	}
	r := &manifest.Anonymity{Columns: a.Columns, K: a.K, Violations: v[0], Classes: v[2], Smallest: v[3]}
	p.privacy.Anonymity = r
	switch {
	case v[0] == 0 || a.Action == "report":
		if v[0] > 0 {
			p.log.Warn("quasi-identifiers single people out", "rows", v[0], "columns", strings.Join(a.Columns, ", "), "k", a.K)
		}
		return nil
	case a.Action == "fail":
		return p.configErrorf("", "%d of %d rows share their %s with fewer than %d others; make the columns coarser with generalize, or leave such rows out with action: suppress",
			v[0], p.rows, strings.Join(a.Columns, ", "), a.K-1)
	case v[1] == 0:
		return p.configErrorf("k", "no combination of %s has %d rows; make the columns coarser with generalize", strings.Join(a.Columns, ", "), a.K)
	}
	sql = fmt.Sprintf("SELECT * FROM %s QUALIFY count(*) OVER (PARTITION BY %s) >= %d", p.current, keys, a.K)
	if err := p.make("", sql, p.columns); err != nil {
		return err
	}
	r.Suppressed, r.Classes, r.Smallest = v[0], v[1], v[4]
	return p.recount(fmt.Sprintf("fewer than %d rows share their %s", a.K, strings.Join(a.Columns, ", ")))
}
