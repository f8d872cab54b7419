package factorization

import (
	"errors"

	"debut/trainers/loop"
)

// rounds trains factors and biases by the rounds of Steps, as many of them at a time as a batch of pairs stands for.
type rounds struct {
	steps *Steps
	hosts []*mirror[float32] // of the steps' parts
	model *Factors
	pairs int
	scale float64 // of what the steps meet: 1 is so much in the model
}

// newRounds makes a fitter of steps.
func newRounds(steps *Steps, pairs int, mean, scale float64) *rounds {
	width := steps.factors + 2
	r := &rounds{steps: steps, pairs: pairs, scale: scale, model: &Factors{Width: width, Biases: true, Mean: mean}}
	r.model.Users, r.model.Items = make([]float32, steps.users.Rows*width), make([]float32, steps.items.Rows*width)
	for _, p := range steps.parts() {
		r.hosts = append(r.hosts, mirrored[float32](steps.dev, p.m.Buf))
	}
	return r
}

// course has about a batch a round.
func (r *rounds) course() (rows, batch int, shuffle bool) {
	n := r.steps.RoundsPerEpoch()
	return r.pairs, (r.pairs + n - 1) / n, false // each epoch has an order of its own, that rounds know
}

// step trains the rounds that end among the pairs of a batch.
func (r *rounds) step(ev loop.Event) (float64, error) {
	round := func(pairs int) int { return int(int64(pairs) * int64(r.steps.RoundsPerEpoch()) / int64(r.pairs)) }
	from, to := round(ev.From), round(ev.From+ev.N)
	if at := r.steps.position; at.Epoch != ev.Epoch || at.Round != from { // a state was loaded
		r.steps.position, r.steps.ready = Position{Epoch: ev.Epoch, Round: from}, false
	}
	sum := 0.0
	for range to - from {
		loss, err := r.steps.Step()
		if err != nil {
			return 0, err
		}
		sum += loss
	}
	return sum / float64(ev.N) * r.scale * r.scale, nil
}

func (r *rounds) rate() float64 { return r.steps.Rate() }

// tensors have rows with what pads them.
func (r *rounds) tensors() (list []tensor, err error) {
	for i, p := range r.steps.parts() {
		h := r.hosts[i]
		if err := h.get(0, len(h.data)); err != nil {
			return nil, err
		}
		list = append(list, tensor{p.name, h.data, p.m.Cols})
	}
	return list, nil
}

// loaded has the device see what the tensors hold. The next step says where the training is.
func (r *rounds) loaded() (err error) {
	for _, h := range r.hosts {
		err = errors.Join(err, h.put())
	}
	return err
}

// factors puts rows together of biases and factors. The scale of a product is that of the user's.
func (r *rounds) factors() (*Factors, error) {
	t, err := r.tensors()
	if err != nil {
		return nil, err
	}
	s, w := r.steps, r.model.Width
	for _, side := range []struct {
		to, factors, biases []float32
		bias, one           int // columns
		scale               float64
	}{
		{r.model.Users, t[0].values, t[2].values, 0, w - 1, r.scale},
		{r.model.Items, t[1].values, t[3].values, w - 1, 0, 1},
	} {
		for i, bias := range side.biases {
			row := side.to[i*w : (i+1)*w]
			copy(row[1:w-1], side.factors[i*s.width:])
			if side.scale != 1 {
				for c := range row[1 : w-1] {
					row[1+c] = float32(side.scale * float64(row[1+c]))
				}
			}
			row[side.bias], row[side.one] = float32(r.scale*float64(bias)), 1
		}
	}
	return r.model, nil
}
