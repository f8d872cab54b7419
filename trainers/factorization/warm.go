package factorization

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"debut/datasets/configfile"
	"debut/engine/safetensors"
	"debut/trainers/model"
	"debut/trainers/modelfolder"
	"debut/trainers/recommender"
	"debut/trainers/run"
	"debut/trainers/transfer"
)

// donor is a model that a training goes on from.
type donor struct {
	place string
	model *Model
}

// openDonor opens what init_from names; nil where it names nothing. It should be closed.
func (c *Config) openDonor(env *run.Env) (_ *donor, err error) {
	if c.InitFrom == "" {
		return nil, nil
	}
	defer func() {
		if err != nil {
			err = c.Locate(configfile.Errorf("init_from", "%v", err))
		}
	}()
	place, err := transfer.Place(c.InitFrom, env.BaseDir)
	if err != nil {
		return nil, err
	}
	switch {
	case find(c.Model.Algorithm).solve != nil:
		return nil, fmt.Errorf("the algorithm %s finds its model in one go, wherever it begins; leave init_from out", c.Model.Algorithm)
	case c.Model.Algorithm == simplexAlgorithm.name:
		return nil, fmt.Errorf("a model of %s keeps the directions of its factors alone, which its training cannot begin with; leave init_from out, or take another algorithm", simplexAlgorithm.name)
	case transfer.IsFile(place):
		return nil, errors.New("factors are gone on from by the ids of users and items, which the folder of a run has; name that")
	}
	switch encrypted, err := modelfolder.Encrypted(place); {
	case err != nil:
		return nil, err
	case encrypted:
		return nil, fmt.Errorf("%s is encrypted, and a training takes no key for what it begins with; name a model that is not", place)
	}
	r, err := modelfolder.Open(place)
	if err != nil {
		return nil, err
	}
	if r.Family() != Family {
		return nil, fmt.Errorf("%s is a model of the family %s, not of %s", place, r.Family(), Family)
	}
	m, err := read(r, 1)
	if err != nil {
		return nil, err
	}
	return &donor{place, m}, nil
}

// close ends the donor.
func (d *donor) close() error {
	if d == nil {
		return nil
	}
	return d.model.Close()
}

// loadGrown loads the interactions, with the users and items of the donor beside their own.
func (c *Config) loadGrown(ctx context.Context, env *run.Env, from *donor) (*recommender.Data, error) {
	data, err := c.load(ctx, env)
	if err != nil || from == nil {
		return data, err
	}
	if c.Model.Factors == 0 { // left open: as many as there are
		c.Model.Factors = from.model.cfg.Factors
	}
	return data, data.Grow(from.model.Shop.Users, from.model.Shop.Items)
}

// goOn fills a training's factors with those of the donor, and has the model keep the rows of users and items that the data have nothing of,
// which a training would forget.
func (t *training) goOn(d *donor) error {
	if d == nil {
		return nil
	}
	list, err := d.model.Tensors()
	if err != nil {
		return err
	}
	f, err := t.fit.factors()
	if err != nil {
		return err
	}
	targets, err := t.targets(d.model.factors.Mean - f.Mean)
	if err != nil {
		return err
	}
	report, err := transfer.Of(d.place, list).Fill(targets)
	if err != nil {
		return t.cfg.Locate(configfile.Errorf("init_from", "%v", err))
	}
	if err := t.fit.loaded(); err != nil {
		return err
	}
	t.log.Info("begun from another model", "what", report.String())
	clause := "begun with " + report.String()
	if t.chosen != "" {
		clause = t.chosen + "; " + clause
	}
	t.chosen = clause
	t.keep(d.model, f.Mean)
	return nil
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
func (t *training) keep(from *Model, mean float64) {
	type kept struct {
		at   int
		row  []float32
		item bool
	}
	var rows []kept
	old := from.factors
	counts := t.Train.ColumnCounts()
	shift := float32(old.Mean - mean)
	for i := range t.Users.Len() {
		if n, ok := from.Shop.Users.Index(t.Users.ID(i)); ok && t.Train.Offsets[i] == t.Train.Offsets[i+1] {
			rows = append(rows, kept{i, old.User(int(n)), false})
		}
	}
	for i := range t.Items.Len() {
		if n, ok := from.Shop.Items.Index(t.Items.ID(i)); ok && counts[i] == 0 {
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
