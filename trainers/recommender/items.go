package recommender

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/table"
	"debut/datasets/wording"
	"debut/trainers/model"
)

// Rules say by the columns of a table of items, as they are now, which items may be recommended and how scores change.
type Rules struct {
	Source table.Source // a row an item
	Column string       // of the ids
	Where  string       // a condition in SQL; "": all items of the table
	Boost  string       // a number in SQL that scores are multiplied by; "": none
	Group  string       // a text in SQL, such as a column, that says what an item belongs to; "": nothing
}

// Read evaluates the rules for each item of the table. Relative paths are resolved against baseDir.
func (r Rules) Read(ctx context.Context, baseDir string) (*model.Items, error) {
	src := r.Source
	src.Types = maps.Clone(src.Types)
	if src.Types == nil {
		src.Types = map[string]string{}
	}
	src.Types[r.Column] = table.TypeCategorical // whatever they look like
	where, boost := r.Where, r.Boost
	if where == "" {
		where = "true"
	}
	if boost == "" {
		boost = "1"
	}
	types := map[string]string{"item": table.TypeCategorical, "keep": table.TypeBoolean, "boost": table.TypeNumeric}
	group := ""
	if r.Group != "" {
		group = ", coalesce(CAST((" + r.Group + "\n) AS VARCHAR), '') AS belongs"
		types["belongs"] = table.TypeCategorical
	}
	// What is between the parentheses is whole, or the statement is none. A condition that is not known is not fulfilled.
	inner := "SELECT " + duck.Name(r.Column) + " AS item, coalesce(CAST((" + where + "\n) AS BOOLEAN), false) AS keep, coalesce(CAST((" + boost + "\n) AS DOUBLE), 1.0) AS boost" + group + " FROM data"
	columns := "item, keep, CASE WHEN isfinite(boost) THEN boost ELSE 0 END AS boost, NOT isfinite(boost) AS endless"
	types["endless"] = table.TypeBoolean
	if r.Group != "" {
		columns += ", belongs"
	}
	src.Query = "SELECT " + columns + " FROM (" + inner + ") AS r"
	frame, _, err := table.ReadWith(ctx, &src, baseDir, table.ReadOptions{Words: table.CommandLine, Types: types})
	var field *configfile.FieldError
	if errors.As(err, &field) { // its path is one of a run file
		return nil, fmt.Errorf("items: %s", field.Msg)
	}
	if err != nil {
		return nil, fmt.Errorf("items: %w", err)
	}
	out := &model.Items{Weights: make(map[string]float32, frame.Rows)}
	ids, keep, weights := frame.Column("item"), frame.Column("keep"), frame.Column("boost")
	var belongs *table.Series
	if r.Group != "" {
		belongs, out.Groups = frame.Column("belongs"), make(map[string]string, frame.Rows)
	}
	seen := make(map[string]bool, frame.Rows)
	for i := range frame.Rows {
		if ids.Missing(i) {
			return nil, fmt.Errorf("items: a row of %s has no %s", strings.Join(src.Path, ", "), r.Column)
		}
		id := strings.TrimSpace(ids.Dict[ids.Codes[i]])
		if seen[id] {
			return nil, fmt.Errorf("items: %s has the item %s twice; give a table with a row an item", strings.Join(src.Path, ", "), wording.Quote(id))
		}
		seen[id] = true
		if keep.Floats[i] == 0 {
			out.Left++
			continue
		}
		w := weights.Floats[i]
		if frame.Column("endless").Floats[i] != 0 {
			return nil, fmt.Errorf("items: the boost of item %s is no finite number; it multiplies scores: give numbers above 0, at most %g", wording.Quote(id), model.MaxBoost)
		}
		if !(w > 0 && w <= model.MaxBoost) {
			return nil, fmt.Errorf("items: the boost of item %s is %v; it multiplies scores: give numbers above 0, at most %g, and leave items out by the condition", wording.Quote(id), w, model.MaxBoost)
		}
		out.Weights[id] = float32(w)
		if belongs != nil && !belongs.Missing(i) {
			out.Groups[id] = belongs.Dict[belongs.Codes[i]]
		}
	}
	return out, nil
}

// rules are what a table of items makes of lists.
type rules struct {
	boosts  []float32 // of items; nil: all 1
	weights []float32 // boosts times the weights of the model; nil: all 1
	hidden  []int32   // items that nobody gets, ascending
}

// rules applies a table of items to those of the model; nil: there is none.
func (m *Model) rules(items *model.Items) rules {
	if items == nil {
		return rules{weights: m.Weights}
	}
	r := rules{boosts: make([]float32, m.Items()), weights: make([]float32, m.Items())}
	for i := range r.boosts {
		boost, ok := items.Weights[m.Shop.Items.ID(i)]
		if !ok {
			r.hidden, boost = append(r.hidden, int32(i)), 1
		}
		w := float64(boost)
		if m.Weights != nil {
			w *= float64(m.Weights[i])
		}
		r.boosts[i], r.weights[i] = boost, float32(max(math.SmallestNonzeroFloat32, min(w, math.MaxFloat32)))
	}
	return r
}
