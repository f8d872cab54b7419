package factorization

import (
	"context"
	"slices"
	"strings"

	"debut/datasets/configfile"
	"debut/engine/safetensors"
	"debut/trainers/model"
	"debut/trainers/recommender"
	"debut/trainers/run"
	"debut/trainers/transfer"
)

// loadGrown loads the interactions, with the users and items of the donor beside their own.
func (c *Config) loadGrown(ctx context.Context, env *run.Env, from *donor) (*recommender.Data, error) {
	if from == nil {
		return c.load(ctx, env, nil)
	}
	if c.Model.Factors == 0 && slices.Contains(find(c.Model.Algorithm).keys, "factors") { // left open: as many as there are
		lo, hi := from.factors.columns()
		c.Model.Factors = hi - lo
	}
	return c.load(ctx, env, &from.from)
}

// goOn fills a training's factors with those of the donor, and has the model keep the rows of users and items that the data have nothing of,
// which a training would forget.
func (t *training) goOn(d *donor) error {
	if d == nil {
		return nil
	}
	if s, ok := t.fit.(*simplex); ok {
		if err := s.goOn(d); err != nil {
			return t.cfg.Locate(configfile.Errorf("init_from", "%v", err))
		}
	}
	f, err := t.fit.factors()
	if err != nil {
		return err
	}
	targets, err := t.targets(d.factors.Mean - f.Mean)
	if err != nil {
		return err
	}
	if _, ok := t.fit.(*simplex); ok { // they are filled, and are to be told of alone
		for i := range targets {
			targets[i].Write = func(int, []float32) error { return nil }
		}
	}
	report, err := transfer.Of(d.place, d.factors.tensors(d.from.Users, d.from.Items)).Fill(targets)
	if err != nil {
		return t.cfg.Locate(configfile.Errorf("init_from", "%v", err))
	}
	if err := t.fit.loaded(); err != nil {
		return err
	}
	t.log.Info("begun from another model", "what", report.String())
	t.doubts = report.Warnings()
	t.doubts.Log(t.log)
	t.addClause("begun with " + report.String())
	t.keep(d, f.Mean)
	return nil
}

// addClause adds to what is said of how the model came about.
func (t *task) addClause(clause string) {
	if t.chosen != "" {
		clause = t.chosen + "; " + clause
	}
	t.chosen = clause
}

// targets are what a training's tensors hold of a model: factors, and biases. shift is by how much the mean of the data has fallen since, which
// users' biases make up for.
func (t *training) targets(shift float64) (list []transfer.Target, err error) {
	scale := 1.0 // of a user's factors and of biases in the model
	if r, ok := t.fit.(*rounds); ok {
		scale = r.scale
	}
	add := func(name string, x tensor, columns, lo, hi int, scale float64) {
		if hi > lo && len(x.values) > 0 {
			by := 0.0
			if name == "users.bias" {
				by = shift
			}
			list = append(list, t.target(name, x.values, columns, lo, hi, by, scale))
		}
	}
	tensors, err := t.fit.tensors()
	if err != nil {
		return nil, err
	}
	for _, x := range tensors {
		switch x.name {
		case "user_factors":
			add("users.factors", x, x.columns, 0, t.cfg.Model.Factors, scale)
		case "item_factors":
			add("items.factors", x, x.columns, 0, t.cfg.Model.Factors, 1)
		case "user_bias":
			add("users.bias", x, 1, 0, 1, scale)
		case "item_bias":
			add("items.bias", x, 1, 0, 1, scale)
		case usersTensor, itemsTensor: // rows as in Factors, where biases are columns
			if !t.cfg.Model.biased() {
				add(x.name+".factors", x, x.columns, 0, x.columns, 1)
				continue
			}
			bias := 0
			if x.name == itemsTensor {
				bias = x.columns - 1
			}
			add(x.name+".factors", x, x.columns, 1, x.columns-1, 1)
			add(x.name+".bias", x, x.columns, bias, bias+1, 1)
		}
	}
	return list, nil
}

// target is some columns of rows of users or items, which the model has times a scale, and to which something is added.
func (t *training) target(name string, values []float32, columns, lo, hi int, add, scale float64) transfer.Target {
	of, ids := usersTensor, t.Users
	if strings.HasPrefix(name, itemsTensor) {
		of, ids = itemsTensor, t.Items
	}
	width := hi - lo
	s := safetensors.Columns(name, values, columns, lo, hi)
	if strings.HasSuffix(name, ".bias") {
		s.Shape = s.Shape[:1]
	}
	rows := func(yield func(string) bool) {
		for i := range ids.Len() {
			if !yield(ids.ID(i)) {
				return
			}
		}
	}
	return transfer.Target{Tensor: model.Tensor{Source: s, RowName: of, RowIDs: rows}, Write: func(from int, v []float32) error {
		for i, x := range v {
			at := from + i
			values[at/width*columns+lo+at%width] = float32((float64(x) + add) / scale)
		}
		return nil
	}}
}

// keep has the model of the training show the donor's rows of users and items without a pair in the data.
func (t *training) keep(d *donor, mean float64) {
	type kept struct {
		at   int
		row  []float32
		item bool
	}
	var rows []kept
	old, from := d.factors, d.from
	counts := t.Train.ColumnCounts()
	shift := float32(old.Mean - mean)
	for i := range t.Users.Len() {
		if n, ok := from.Users.Index(t.Users.ID(i)); ok && t.Train.Offsets[i] == t.Train.Offsets[i+1] {
			rows = append(rows, kept{i, old.User(int(n)), false})
		}
	}
	for i := range t.Items.Len() {
		if n, ok := from.Items.Index(t.Items.ID(i)); ok && counts[i] == 0 {
			rows = append(rows, kept{i, old.Item(int(n)), true})
		}
	}
	if len(rows) == 0 {
		return
	}
	shown := new(Factors)
	t.model = func() (*Factors, error) {
		f, err := t.fit.factors()
		if err != nil {
			return nil, err
		}
		users, items := append(shown.Users[:0], f.Users...), append(shown.Items[:0], f.Items...)
		*shown = *f
		shown.Users, shown.Items = users, items
		for _, k := range rows {
			if len(k.row) != f.Width {
				continue
			}
			to := shown.User
			if k.item {
				to = shown.Item
			}
			copy(to(k.at), k.row)
			if f.Biases && !k.item {
				to(k.at)[0] += shift
			}
		}
		return shown, nil
	}
}
