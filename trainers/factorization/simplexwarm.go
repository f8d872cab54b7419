package factorization

import (
	"cmp"
	"fmt"
	"math"

	"debut/kernels"
)

// goOn begins with the directions that a model has of users and items, which is what its folder keeps. An item's row has the length of what the item adds to
// histories, and the matrix of histories is the one that makes of these rows, by least squares, what the model has. A user's own row is the direction he had, as long
// as histories are on the average, so that what is known of him from before counts about as much as what he has in the data. Who is new begins
// without, as in a training from nothing, and a new item in the direction of the users who have it: known ones in theirs, new ones in that
// of what else they have.
func (s *simplex) goOn(d *donor) error {
	old, w := d.factors, s.cfg.Model.Factors
	if old.Histories == nil || old.Biases || old.Width != w {
		lo, hi := old.columns()
		return fmt.Errorf("%s has %d factors of another algorithm than %s, or another number than %d; train with model: {algorithm: %s, factors: %d}", d.place, hi-lo, simplexAlgorithm.name, w, simplexAlgorithm.name, w)
	}
	t, err := s.tensors()
	if err != nil {
		return err
	}
	users, items, transform := t[0].values, t[1].values, t[2].values
	average := 0.0
	toward := make([]float32, len(items)) // of items, of length 1; of unknown ones 0
	for i := range s.Items.Len() {
		n, ok := d.from.Items.Index(s.Items.ID(i))
		if !ok {
			continue
		}
		h := old.Histories[int(n)*w:][:w]
		length := math.Sqrt(inner(h, h))
		average += length / float64(d.from.Items.Len())
		copy(toward[i*w:], old.Item(int(n)))
		for c, v := range old.Item(int(n)) {
			items[i*w+c] = float32(length * float64(v))
		}
	}
	if !(average > 0) {
		return fmt.Errorf("%s has nothing that items add to histories", d.place)
	}
	if err := fitTransform(transform, old, d); err != nil {
		return err
	}
	s.newItems(d, items, toward, average)
	gate := *s.cfg.Model.Gate
	for u := range s.Users.Len() {
		row := users[u*w:][:w]
		clear(row)
		if n, ok := d.from.Users.Index(s.Users.ID(u)); ok && gate > 0 {
			for c, v := range old.User(int(n)) {
				row[c] = float32(average * (1 - gate) / gate * float64(v))
			}
			if gate == 1 { // own rows are all there is: of the length that others begin with
				copy(row, old.User(int(n)))
			}
		}
	}
	return cmp.Or(s.upload(simplexUsers, users), s.upload(simplexItems, items), s.upload(simplexTransform, transform))
}

func (s *simplex) upload(name string, values []float32) error {
	return kernels.Upload(s.dev, s.parameters.Get(name).Matrix.Buf, 0, values)
}

// newItems sets rows of items that the donor does not know, where anybody has them.
func (s *simplex) newItems(d *donor, items, toward []float32, length float64) {
	w := s.cfg.Model.Factors
	sums := make([]float64, len(items))
	of, mean := make([]float32, w), make([]float64, w)
	for u := range s.Train.Rows {
		has, _ := s.Train.Row(u)
		if n, ok := d.from.Users.Index(s.Users.ID(u)); ok {
			copy(of, d.factors.User(int(n)))
		} else {
			clear(mean)
			for _, i := range has {
				for c, v := range toward[int(i)*w:][:w] {
					mean[c] += float64(v)
				}
			}
			unit(of, mean)
		}
		for _, i := range has {
			for c, v := range of {
				sums[int(i)*w+c] += float64(v)
			}
		}
	}
	direction := make([]float32, w)
	for i := range s.Items.Len() {
		if _, known := d.from.Items.Index(s.Items.ID(i)); known {
			continue
		}
		if unit(direction, sums[i*w:][:w]); inner(direction, direction) == 0 {
			continue // as in a training from nothing
		}
		for c, v := range direction {
			items[i*w+c] = float32(length * float64(v))
		}
	}
}

// fitTransform sets the matrix V that brings items' rows E of such lengths nearest to what they add to histories H: (EᵀE + λ)⁻¹(EᵀH + λ).
func fitTransform(transform []float32, f *Factors, d *donor) error {
	w := f.Width
	gram, right := make([]float64, w*w), make([]float64, w*w)
	e := make([]float64, w)
	trace := 0.0
	for i := range d.from.Items.Len() {
		h := f.Histories[i*w:][:w]
		length := math.Sqrt(inner(h, h))
		for c, v := range f.Item(i) {
			e[c] = length * float64(v)
			trace += e[c] * e[c]
		}
		for r, v := range e {
			for c, x := range e {
				gram[r*w+c] += v * x
			}
			for c, x := range h {
				right[r*w+c] += v * float64(x)
			}
		}
	}
	const ridge = 1e-4
	for c := range w {
		gram[c*w+c] += ridge * trace / float64(w)
		right[c*w+c] += ridge * trace / float64(w)
	}
	if !solvePositive(gram, right, w) {
		return fmt.Errorf("%s: what items add to histories does not follow from their directions", d.place)
	}
	for i, v := range right {
		transform[i] = float32(v)
	}
	return nil
}

// solvePositive solves a·x = b of a symmetric positive definite matrix by Cholesky's method, b [n, n] in place; false where it is not that.
func solvePositive(a, b []float64, n int) bool {
	for j := range n {
		for i := j; i < n; i++ {
			sum := a[i*n+j]
			for k := range j {
				sum -= a[i*n+k] * a[j*n+k]
			}
			if i == j {
				if !(sum > 0) {
					return false
				}
				a[j*n+j] = math.Sqrt(sum)
				continue
			}
			a[i*n+j] = sum / a[j*n+j]
		}
	}
	for c := range n {
		for i := range n {
			sum := b[i*n+c]
			for k := range i {
				sum -= a[i*n+k] * b[k*n+c]
			}
			b[i*n+c] = sum / a[i*n+i]
		}
		for i := n - 1; i >= 0; i-- {
			sum := b[i*n+c]
			for k := i + 1; k < n; k++ {
				sum -= a[k*n+i] * b[k*n+c]
			}
			b[i*n+c] = sum / a[i*n+i]
		}
	}
	return true
}
