package table

import (
	"context"
	"maps"
	"slices"

	"debut/datasets/duck"
)

// misread is the error about a column that is text in a view, for values that do not fit it, where the query could be
// bound if the column were what nearly all of its values are; nil where that is not why it cannot be.
func misread(ctx context.Context, db *duck.DB, views map[string]*relation, query string) error {
	type suspect struct {
		of     *relation
		view   string
		column int
	}
	var suspects []suspect
	for _, name := range slices.Sorted(maps.Keys(views)) {
		for i := range views[name].names {
			if f := views[name].surveyed[i]; f != nil && f.fault.kind != noFault {
				suspects = append(suspects, suspect{views[name], name, i})
			}
		}
	}
	binds := func(guilty int) bool {
		for name, of := range views {
			columns, err := of.typed(db)
			if err != nil {
				return false
			}
			for k, s := range suspects {
				if s.of == of && k != guilty {
					columns[s.column].expr = "CAST(NULL AS " + of.surveyed[s.column].fault.sqlType() + ")"
				}
			}
			if err := db.Query(ctx, "CREATE OR REPLACE VIEW "+duck.Name(name)+" AS "+of.selecting(columns), nil); err != nil {
				return false
			}
		}
		_, err := db.Describe(ctx, query)
		return err == nil
	}
	if len(suspects) == 0 || db.Check(ctx, query) != nil || !binds(-1) {
		return nil
	}
	for k, s := range suspects {
		if !binds(k) {
			faults, err := s.of.faults(ctx, db, map[int]*settled{s.column: s.of.surveyed[s.column]})
			if err != nil {
				return err
			}
			return faults[s.column]
		}
	}
	return nil
}

// sqlType is the type of SQL that the column would have without its fault.
func (f *fault) sqlType() string {
	switch {
	case f.kind == notBooleans:
		return "BOOLEAN"
	case f.kind != notDates:
		return "DOUBLE"
	case !f.known || f.layout.HasTime():
		return "TIMESTAMP"
	}
	return "DATE"
}

// Misread is the error about a column that is text in the view of the table that View made, for a few values that do not
// fit it, where that is why a query cannot be bound; nil where it is not.
func (t *Table) Misread(ctx context.Context, view, query string) error {
	return misread(ctx, t.db, map[string]*relation{view: t.rel}, query)
}
