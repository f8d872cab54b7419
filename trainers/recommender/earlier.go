package recommender

import (
	"fmt"
	"maps"
	"math"

	"debut/datasets/configfile"
	"debut/datasets/interactions"
	"debut/datasets/warning"
	"debut/trainers/ranking"
)

// Earlier is a model that a training goes on from, as far as users and items are concerned.
type Earlier struct {
	*Shop
	// Config is that of its data.
	Config *interactions.Config
	// Merge has the training part have what the model's users have, so that a model is found as if the events of both were one data set. Else
	// that is known of users, and left out of their lists, and is not trained on again.
	Merge bool
}

// keyInitFrom is the key of a run file that names the earlier model.
const keyInitFrom = "init_from"

// Grow gives the data users and items that are known from elsewhere, beside their own.
func (d *Data) Grow(users, items *interactions.Vocabulary) error {
	if err := d.Dataset.Grow(users, items); err != nil {
		return err
	}
	d.Ties = ranking.NewTies(d.Items.Len(), d.Items.ID)
	d.all, d.known = nil, nil // made anew, of the size that matrices have now
	return nil
}

// goOn gives the data the users and items of a model that is gone on from, beside their own, and what its users have.
func (d *Data) goOn(e *Earlier) error {
	if e == nil {
		return nil
	}
	if err := d.Grow(e.Users, e.Items); err != nil {
		return err
	}
	if e.Merge {
		switch {
		case e.Counts != nil:
			return configfile.Errorf(keyInitFrom, "%v, and there is nothing to go on from; name one that was trained with it, or the earlier data among the sources", errForgotten)
		case e.Config.Aggregate != d.cfg.Aggregate || !maps.Equal(e.Config.Weights, d.cfg.Weights):
			return configfile.Errorf(keyInitFrom, "the model's events come to something else (aggregate: %s, weights: %v) than those of the data (aggregate: %s, weights: %v); give data the same ones",
				e.Config.Aggregate, e.Config.Weights, d.cfg.Aggregate, d.cfg.Weights)
		}
	}
	if e.Histories.Len() == 0 {
		d.news = append(d.news, warning.Warning{Name: warning.LeftOut, Message: "what users had before is not left out of their lists, for it is not said of the model that is gone on from"})
		return nil
	}
	old, err := e.Histories.Among(e.Users, e.Items, d.Users, d.Items)
	if err != nil {
		return err
	}
	d.Kinds, old.Events = joinKinds(d.Kinds, e.Kinds, old.Events)
	if !e.Merge {
		d.before = old
		return nil
	}
	both := 0
	d.Train = interactions.Merge(old, d.Train, func(before, anew float32) float32 {
		both++
		return together(d.cfg.Aggregate, anew, before)
	})
	if a := d.cfg.Aggregate; both > 0 && (a == interactions.AggregateMean || a == interactions.AggregateOnce) {
		d.news = append(d.news, warning.Warning{
			Name:    warning.Read,
			Message: fmt.Sprintf("%d pairs of a user and an item are in the data and in the model that is gone on from, which does not say of how many events: their value is not what aggregate: %s makes of all events", both, a),
		}.With("pairs", float64(both)))
	}
	return nil
}

// joinKinds numbers kinds of event as own has them, to which it adds those that it lacks; nil where they are too many, or not known of one side.
func joinKinds(own, other []string, events []uint16) (all []string, renumbered []uint16) {
	if len(own) == 0 || len(other) == 0 || events == nil {
		return own, nil
	}
	all = append(all, own...)
	place := map[string]int{}
	for i, kind := range own {
		place[kind] = i
	}
	for _, kind := range other {
		if _, ok := place[kind]; !ok {
			place[kind] = len(all)
			all = append(all, kind)
		}
	}
	if len(all) > mostKinds {
		return own, nil
	}
	renumbered = make([]uint16, len(events))
	for k, e := range events {
		for bit, kind := range other {
			if e&(1<<bit) != 0 {
				renumbered[k] |= 1 << place[kind]
			}
		}
	}
	return all, renumbered
}

// mostKinds is how many bits the kinds of a pair have.
const mostKinds = 16

// histories are what users have, before the data and in their training part.
func (d *Data) histories() *interactions.Matrix {
	if d.before == nil {
		return d.Train
	}
	if d.all == nil {
		d.all = interactions.Merge(d.before, d.Train, func(before, anew float32) float32 { return together(d.cfg.Aggregate, anew, before) })
	}
	return d.all
}

// together is the value of an item that a user has anew beside the one he had: where values replace each other the new one counts.
func together(aggregate string, anew, before float32) float32 {
	switch aggregate {
	case interactions.AggregateMax, interactions.AggregateOnce:
		return max(anew, before)
	case interactions.AggregateMean, interactions.AggregateLast:
		return anew
	}
	return min(anew+before, math.MaxFloat32)
}
