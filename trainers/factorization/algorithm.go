package factorization

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"strings"

	"debut/datasets/configfile"
	"debut/engine"
	"debut/kernels"
	"debut/trainers/loop"
	"debut/trainers/recommender"
)

// algorithm is a way to find factors.
type algorithm struct {
	name string
	keys []string // of the model section that it has, beside algorithm
	// setDefaults fills what is empty, of the train section too.
	setDefaults func(c *Config)
	// validate reports what cannot be used, with the path below the model section.
	validate func(c *ModelConfig) error
	// need is the memory of the host that a training takes, by purpose.
	need func(p *problem) map[string]int64
	// onDevice is the memory that it takes besides of the device that it runs on, a GPU or again the host; nil: none.
	onDevice func(p *problem) map[string]int64
	// inBlocks is the memory of a GPU without which not even blocks of rows can be trained on it; nil: it has to hold all of them.
	inBlocks func(p *problem) map[string]int64
	// settle fills what the data decide on, and says how in a clause of the protocol, "" where nothing was left to choose.
	settle func(ctx context.Context, p *problem) (clause string, err error)
	// begin makes what trains. The settings are whole.
	begin func(ctx context.Context, p *problem) (fitter, error)
	// solve finds the factors in one go; nil where begin makes what trains.
	solve func(ctx context.Context, p *problem) (*Factors, error)
	// fold returns the row of somebody who has the items of the columns, ascending, with such values; all items stay as they are.
	fold func(m *Model, columns []int32, values []float32) ([]float32, error)
	// foldItem returns the row of an item that the users have, ascending; all users stay as they are.
	foldItem func(m *Model, users []int32, values []float32) ([]float32, error)
	// calmer is what to try where the training diverges, "a lower …"; faster what else than more epochs for one that ends while it gets
	// better, "" where there is nothing.
	calmer, faster string
	// about says in a few words what is trained.
	about func(c *ModelConfig) string
}

// algorithms are all there are; the first is that of run files that name none.
var algorithms = []*algorithm{&alsAlgorithm, &bprAlgorithm, &simplexAlgorithm, &towerAlgorithm, &sgdAlgorithm, &biasAlgorithm}

// find returns an algorithm, or nil.
func find(name string) *algorithm {
	for _, a := range algorithms {
		if a.name == name {
			return a
		}
	}
	return nil
}

func algorithmNames() (names []string) {
	for _, a := range algorithms {
		names = append(names, a.name)
	}
	return names
}

// only returns an error for a key that is set and that another algorithm has, not this one.
func (a *algorithm) only(c *ModelConfig) error {
	v := reflect.ValueOf(*c)
	for i := range v.NumField() {
		key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		known := key == "algorithm"
		for _, k := range a.keys {
			known = known || k == key
		}
		if !known && !v.Field(i).IsZero() {
			return configfile.Errorf(key, "the algorithm %s has no such setting; leave it out", a.name)
		}
	}
	return nil
}

// problem is what an algorithm is to solve.
type problem struct {
	*recommender.Data
	cfg *Config
	dev kernels.Device // that factors are found on
	cpu kernels.Device // the processor
	log *slog.Logger
	// blocks are the bytes of a GPU that is to train some rows at a time, as it has not room for all; 0: it has.
	blocks int64
	// openFactors says that the run file leaves the number of factors open.
	openFactors bool
	// sides are what is known of users and of items by a table, of two towers; nil: nothing.
	sides [2]*side
	// profile is what steps of the engine are timed in; nil: they are not.
	profile *engine.Profile
}

// fitter trains factors. An epoch is made of rows, in batches.
type fitter interface {
	// course returns how many rows an epoch has, how many of them a batch has at most, and whether each epoch has an order of its own.
	course() (rows, batch int, shuffle bool)
	// step trains on a batch and returns its mean loss.
	step(ev loop.Event) (loss float64, err error)
	// rate is the learning rate of the next step, 0 where there is none.
	rate() float64
	// tensors are all that decides on the steps to come, the factors first, as they are now.
	tensors() ([]tensor, error)
	// loaded is told that the tensors hold something else now.
	loaded() error
	// factors are those of the model as it is when they are called. Every call returns the same ones, brought up to date.
	factors() (*Factors, error)
}

// tensor is a matrix of a state.
type tensor struct {
	name    string
	values  []float32
	columns int
}

// divergedError tells of a step, counted from 0, whose loss is no number.
type divergedError struct {
	step int64
	loss float64
}

// Error says so.
func (e *divergedError) Error() string { return fmt.Sprintf("step %d: the loss is %v", e.step, e.loss) }

// Diverged is what package run asks for.
func (e *divergedError) Diverged() (step int64, loss float64) { return e.step, e.loss }
