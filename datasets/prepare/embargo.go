package prepare

import (
	"fmt"
	"strings"

	"debut/datasets/duck"
	"debut/datasets/manifest"
)

// embargo is what keeps a split by time from training on labels of the time that it
// is measured on: rows so shortly before the next part are left out, for where that
// begins nobody knew their labels (López de Prado, "Advances in Financial Machine
// Learning", 2018, 7.4, calls the same purging; what he calls an embargo lies behind
// the test part).
type embargo struct {
	column column // of the split
	clock  bool   // its values are times
	span   int64
	text   string // as written
	label  string // whose within it is, "" where it was given
}

// embargo returns what the split says, or else the longest of what labels look ahead,
// those of steps still to come among them.
func (p *pipeline) embargo(s *Split, c column) (embargo, error) {
	e := embargo{column: c, clock: isTime(c.typ)}
	what := fmt.Sprintf("the values of column %q", c.name)
	var err error
	if s.Embargo != "" {
		e.text = s.Embargo
		e.span, err = p.checkSpan("embargo", s.Embargo, e.clock, what)
		return e, err
	}
	for i := range p.cfg.Steps {
		l := p.cfg.Steps[i].Label
		if l == nil {
			continue
		}
		span, err := p.checkSpan("embargo", l.Within, e.clock, what)
		if err != nil {
			return e, p.configErrorf("embargo", "is not given, and would be within of the label %q, %s, but that is not in the units of column %q; give it in those, or 0 for none", l.Name, l.Within, c.name)
		}
		if span > e.span {
			e.span, e.text, e.label = span, l.Within, l.Name
		}
	}
	return e, nil
}

// reaches is the condition that a row's embargo lies beyond a moment, a literal of the
// column's type.
func (e *embargo) reaches(moment string) string {
	col, typ := duck.Name(e.column.name), "HUGEINT"
	switch {
	case e.clock:
		col, moment = "epoch_us("+col+")", "epoch_us("+moment+")"
	case !isInteger(e.column.typ):
		typ = "DOUBLE"
	}
	return fmt.Sprintf("CAST(%[1]s AS %[2]s) > CAST(%[3]s AS %[2]s) - %[4]d", col, typ, moment, e.span)
}

// holdBack leaves out rows of the training and the validation part whose embargo
// reaches beyond the beginning of the next part.
func (p *pipeline) holdBack(e embargo, validation, test string) error {
	if e.span == 0 {
		return nil
	}
	next := []string{validation, test} // by part
	if validation == "" {
		next[0] = test
	}
	var late []string
	var items []string
	for i, moment := range next {
		if moment == "" {
			late = append(late, "FALSE")
		} else {
			late = append(late, fmt.Sprintf("(%s = %d AND %s)", partColumn, i, e.reaches(moment)))
		}
		items = append(items, fmt.Sprintf("count(*) FILTER (WHERE %s)", late[i]), fmt.Sprintf("count(*) FILTER (WHERE %s = %d)", partColumn, i))
	}
	counts, err := p.integers("embargo", len(items), "SELECT "+strings.Join(items, ", ")+" FROM "+p.current)
	if err != nil {
		return err
	}
	for i, name := range partNames[:2] {
		if held, all := counts[2*i], counts[2*i+1]; held > 0 && held == all {
			return p.configErrorf("embargo", "%s%s leaves none of the %d rows of the %s part: the next part begins at %s, and none is so long before; make the part longer (%s), or the embargo shorter, at the price of labels that were not known",
				e.text, e.why(), all, name, boundary(next[i]), widen(name))
		}
	}
	if counts[0]+counts[2] == 0 {
		return nil
	}
	p.step.Notes = append(p.step.Notes, fmt.Sprintf("an embargo of %s%s leaves out %d training and %d validation rows", e.text, e.why(), counts[0], counts[2]))
	p.log.Info("rows are left out whose labels were not known where the next part begins", "embargo", e.text, manifest.Train, counts[0], manifest.Validation, counts[2])
	if err := p.view("", "SELECT * FROM "+p.current+" WHERE NOT ("+strings.Join(late, " OR ")+")", p.columns); err != nil {
		return err
	}
	return p.recount(fmt.Sprintf("less than the embargo of %s before the next part, where their labels were not known", e.text))
}

// why says where the embargo comes from.
func (e *embargo) why() string {
	if e.label == "" {
		return ""
	}
	return fmt.Sprintf(" (within of the label %q)", e.label)
}

// widen is how a part is made longer.
func widen(part string) string {
	if part == manifest.Validation {
		return "an earlier validation_from, or a larger fraction validation"
	}
	return "a later validation_from or test_from, or smaller fractions"
}

// boundary is the text of a literal CAST('…' AS TYPE).
func boundary(literal string) string {
	text, _, _ := strings.Cut(strings.TrimPrefix(literal, "CAST("), " AS ")
	return strings.Trim(text, "'")
}

// tellFutures warns of training and validation rows whose label was not known where a
// later part begins: of splits that do not go by time, of embargoes that are too short,
// and of labels about another time than that of the split.
func (p *pipeline) tellFutures(s *Split) error {
	if s.Method == SplitNone {
		return nil
	}
	for i := range p.cfg.Steps {
		l := p.cfg.Steps[i].Label
		if l == nil {
			continue
		}
		at, err := p.moment("", l.At, p.columns, "", "the rows")
		if err != nil {
			continue // the column has gone, or is something else by now
		}
		within, ok := parseSpan(l.Within)
		if !ok {
			continue // checked by validate
		}
		for part, name := range partNames[:2] {
			next, err := p.integers("", 2, fmt.Sprintf("SELECT coalesce(min(%s), 0), count(*) FROM %s WHERE %s > %d", at, p.current, partColumn, part))
			if err != nil {
				return err
			}
			if next[1] == 0 {
				continue
			}
			counts, err := p.integers("", 2, fmt.Sprintf("SELECT count(*) FILTER (WHERE CAST(%s AS HUGEINT) > %d::HUGEINT - %d), count(*) FROM %s WHERE %s = %d",
				at, next[0], within, p.current, partColumn, part))
			if err != nil {
				return err
			}
			if counts[0] == 0 {
				continue
			}
			remedy := fmt.Sprintf("split by time: split: {method: time, column: %s}", quoteKey(l.At))
			if s.Method == SplitTime {
				remedy = "let the embargo be at least as long, and the split go by the label's column at"
			}
			p.warn(fmt.Sprintf("rows of the future teach about the past: the label %s of %d of %d %s rows looks beyond %s, the first moment of the rows that they are measured by, whose measures will be too good; %s",
				l.Name, counts[0], counts[1], name, formatMoment(next[0], strings.HasPrefix(at, "epoch")), remedy), "label", l.Name)
		}
	}
	return nil
}
