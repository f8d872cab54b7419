package encoding

import (
	"fmt"
	"slices"

	"debut/datasets/table"
	"debut/datasets/wording"
)

// Grown returns the encoder of a model that goes on with the rows that another encoder was learned from: of the columns that both have, it
// fills, scales and cuts as before, so that what the model has learned still means the same, and their vocabularies grow by the values that
// are new, behind those that there are. Columns that are new are as the other encoder has them; those that are gone are left out. A target
// of another task or of other classes is an error.
func (e *Encoder) Grown(by *Encoder) (*Encoder, error) {
	if e.Target.Task != by.Target.Task {
		return nil, fmt.Errorf("the model is of the task %s, and the data are of the task %s", e.Target.Task, by.Target.Task)
	}
	if !slices.Equal(e.Target.Classes, by.Target.Classes) {
		return nil, fmt.Errorf("the model is of the classes %s, and the data are of the classes %s", wording.List(e.Target.Classes, wording.MaxListed), wording.List(by.Target.Classes, wording.MaxListed))
	}
	out := &Encoder{Version: by.Version, Target: by.Target, ID: by.ID, Weight: by.Weight, Rows: e.Rows + by.Rows, Written: by.Written}
	out.Target.Mean, out.Target.Scale = e.Target.Mean, e.Target.Scale
	for _, c := range by.Columns {
		i := slices.IndexFunc(e.Columns, func(old ColumnEncoding) bool { return old.Name == c.Name })
		if i >= 0 && e.Columns[i].sameView(&c) {
			c = e.Columns[i].grown(&c)
		}
		out.Columns = append(out.Columns, c)
	}
	return out, nil
}

// sameView says that a column becomes features and ids of the same kind.
func (c *ColumnEncoding) sameView(by *ColumnEncoding) bool {
	return c.Type == by.Type && c.HashBuckets == by.HashBuckets && c.Whole == by.Whole && c.Width == by.Width && slices.Equal(c.Words, by.Words) && slices.Equal(c.Characters, by.Characters) && c.Weighted == by.Weighted && c.Weights == by.Weights && c.Pooling == by.Pooling
}

// grown is the column with the values of another.
func (c *ColumnEncoding) grown(by *ColumnEncoding) ColumnEncoding {
	out := *c
	out.DateLayout, out.Embedding = by.DateLayout, by.Embedding
	if len(c.Range) == 2 && len(by.Range) == 2 {
		out.Range = []float64{min(c.Range[0], by.Range[0]), max(c.Range[1], by.Range[1])}
	}
	if out.Length = max(c.Length, by.Length); c.Type != table.TypeCategorical && c.Type != table.TypeList || c.HashBuckets > 0 {
		return out
	}
	known := make(map[string]bool, len(c.Vocabulary))
	out.Vocabulary = slices.Clone(c.Vocabulary)
	for _, text := range c.Vocabulary {
		known[text] = true
	}
	for _, text := range by.Vocabulary {
		if !known[text] {
			out.Vocabulary = append(out.Vocabulary, text)
		}
	}
	if out.MissingID = 0; c.Type == table.TypeCategorical && (c.MissingID > 0 || by.MissingID > 0) {
		out.Fill, out.MissingID = FillCategory, int32(len(out.Vocabulary))+1
	}
	return out
}
