package factorization

import (
	"errors"
	"fmt"
	"slices"

	"debut/datasets/configfile"
	"debut/datasets/interactions"
	"debut/trainers/modelfolder"
	"debut/trainers/recommender"
	"debut/trainers/run"
	"debut/trainers/transfer"
)

// donor is what a training goes on from: a model, or a file of its tensors.
type donor struct {
	place   string
	factors *Factors
	from    recommender.Earlier
}

// openDonor reads what init_from names; nil where it names nothing.
func (c *Config) openDonor(env *run.Env) (*donor, error) {
	if c.InitFrom == "" {
		return nil, nil
	}
	d, err := c.readDonor(env)
	if err != nil {
		return nil, c.Locate(configfile.Errorf("init_from", "%v", err))
	}
	return d, nil
}

func (c *Config) readDonor(env *run.Env) (*donor, error) {
	place, err := transfer.Place(c.InitFrom, env.BaseDir)
	if err != nil {
		return nil, err
	}
	if err := transfer.CheckPlain(place); err != nil {
		return nil, err
	}
	if c.Model.Algorithm == algorithmTower {
		return nil, fmt.Errorf("a model of %s keeps what its towers come to, which a training cannot begin with; leave init_from out, or take another algorithm", algorithmTower)
	}
	merge := find(c.Model.Algorithm).solve != nil
	if transfer.IsFile(place) {
		if merge {
			return nil, fmt.Errorf("the algorithm %s finds its model in one go of what users have, which the folder of a run has; name that", c.Model.Algorithm)
		}
		return fileDonor(place)
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
	return &donor{place, m.factors, recommender.Earlier{Shop: m.Shop, Config: &m.Config, Merge: merge}}, m.Close()
}

// fileDonor reads factors as debut export writes them, anybody's, with the ids of their rows beside. It does not say what users have.
func fileDonor(place string) (*donor, error) {
	file, err := transfer.ReadMatrices(place, []transfer.Matrix{
		{Name: usersTensor + factorsSuffix, Rows: usersTensor}, {Name: itemsTensor + factorsSuffix, Rows: itemsTensor},
		{Name: usersTensor + biasSuffix, Rows: usersTensor, Optional: true}, {Name: itemsTensor + biasSuffix, Rows: itemsTensor, Optional: true},
		{Name: itemsTensor + historiesSuffix, Rows: itemsTensor, Optional: true}, {Name: meanTensor, Optional: true},
	})
	if err != nil {
		return nil, err
	}
	users, items, userBias, itemBias, histories, mean := file[0], file[1], file[2], file[3], file[4], file[5]
	switch d := users.Columns; {
	case d == 0 || items.Columns != d || histories.Values != nil && histories.Columns != d:
		return nil, fmt.Errorf("%s: %d factors of users, %d of items and %d of histories", place, d, items.Columns, histories.Columns)
	case (userBias.Values == nil) != (itemBias.Values == nil) || userBias.Values != nil && userBias.Columns*itemBias.Columns != 1:
		return nil, fmt.Errorf("%s: biases of users and items go together, one each", place)
	case mean.Values != nil && len(mean.Values) != 1:
		return nil, fmt.Errorf("%s: %d means", place, len(mean.Values))
	}
	f := &Factors{Width: users.Columns, Biases: userBias.Values != nil}
	if f.Biases {
		f.Width += 2
	}
	if mean.Values != nil {
		f.Mean = float64(mean.Values[0])
	}
	d := &donor{place: place, factors: f}
	shop := &recommender.Shop{}
	if shop.Users, f.Users, err = layRows(f, users, userBias, 0); err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	if shop.Items, f.Items, err = layRows(f, items, itemBias, f.Width-1); err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	if histories.Values != nil {
		if _, f.Histories, err = layRows(&Factors{Width: users.Columns}, histories, transfer.Values{}, 0); err != nil {
			return nil, fmt.Errorf("%s: %w", place, err)
		}
	}
	shop.Histories = &interactions.Matrix{Rows: shop.Users.Len(), Columns: shop.Items.Len(), Offsets: make([]int64, shop.Users.Len()+1)}
	d.from.Shop = shop
	return d, nil
}

// layRows puts rows in the order of their ids, with the bias in its column and a 1 in that of the other side.
func layRows(f *Factors, factors, bias transfer.Values, column int) (*interactions.Vocabulary, []float32, error) {
	ids, err := interactions.NewVocabulary(slices.Clone(factors.IDs))
	if err != nil {
		return nil, nil, err
	}
	if ids.Len() != len(factors.IDs) || f.Biases && !slices.Equal(bias.IDs, factors.IDs) {
		return nil, nil, errors.New("ids of rows are there twice, or others than those of their biases")
	}
	lo, hi := f.columns()
	rows := make([]float32, ids.Len()*f.Width)
	for i, id := range factors.IDs {
		at, ok := ids.Index(id)
		if !ok {
			return nil, nil, fmt.Errorf("the id %q got lost", id)
		}
		row := rows[int(at)*f.Width:][:f.Width]
		copy(row[lo:hi], factors.Values[i*factors.Columns:])
		if f.Biases {
			row[0], row[f.Width-1] = 1, 1
			row[column] = bias.Values[i]
		}
	}
	return ids, rows, nil
}
