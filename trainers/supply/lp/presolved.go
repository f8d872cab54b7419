package lp

// presolved solves a linear program.
func (r *run) presolved() *Solution { return r.bySimplex(nil, nil) }

func (r *run) byInterior() (*Solution, error) { return r.presolved(), nil }
