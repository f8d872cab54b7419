package lp

import (
	"errors"
	"fmt"
	"strings"

	"debut/datasets/nearest"
	"debut/trainers/supply/lp/kept"
)

// errInteger is where a method cannot have integer columns.
var errInteger = errors.New("takes no integer columns")

// large is the number of integer columns and of entries from which on an installed solver is taken for integer programs: its search has
// more cuts and presolve than ours.
const (
	largeIntegers = 1000
	largeEntries  = 20000
)

// solve chooses a method and runs it.
func (r *run) solve() (*Solution, error) {
	integers := r.p.Integers() > 0
	switch r.o.Method {
	case "", Auto:
		return r.automatic(integers)
	case Simplex:
		return r.own(integers, ""), nil
	case Interior:
		if integers {
			return nil, fmt.Errorf("lp: the method %s %w; take %s or %s", Interior, errInteger, Auto, Simplex)
		}
		return r.byInterior(), nil
	case Clp, Cbc, HiGHS:
		found, err := kept.Find(r.o.Method)
		if err != nil {
			return nil, fmt.Errorf("lp: %w; install it, or take the method %s", err, Simplex)
		}
		if integers && r.o.Method == Clp {
			return nil, fmt.Errorf("lp: the method %s %w; take %s, %s, %s or %s", Clp, errInteger, Auto, Simplex, Cbc, HiGHS)
		}
		return r.byKept(found, "")
	}
	return nil, fmt.Errorf("lp: there is no method %q%s; they are %s", r.o.Method, nearest.DidYouMean(r.o.Method, Methods()), strings.Join(Methods(), ", "))
}

// automatic takes our own methods, and an installed solver for large integer programs or where ours cannot settle the matter.
func (r *run) automatic(integers bool) (*Solution, error) {
	var program *kept.Program
	names := []string{HiGHS, Clp}
	if integers {
		names = []string{HiGHS, Cbc}
	}
	for _, name := range names {
		if found, err := kept.Find(name); err == nil {
			program = found
			break
		}
	}
	if program != nil && integers && (r.p.Integers() > largeIntegers || r.p.Nonzeros() > largeEntries) {
		if s, err := r.byKept(program, fmt.Sprintf("found, and there are %d integer columns and %d entries", r.p.Integers(), r.p.Nonzeros())); err == nil {
			return s, nil
		}
	}
	s := r.own(integers, "chosen")
	if program != nil && s.Status == Troubled {
		if other, err := r.byKept(program, "our own method did not settle it"); err == nil {
			return other, nil
		}
	}
	return s, nil
}

// own solves by our methods.
func (r *run) own(integers bool, why string) *Solution {
	if integers {
		s := r.bySearch()
		s.Method = named("branch and bound on the dual simplex method", why)
		return s
	}
	s := r.presolved(nil)
	s.Method = named("dual simplex method", why)
	return s
}

// named is the method of an answer with why it was taken.
func named(method, why string) string {
	switch why {
	case "", "chosen":
		return method
	}
	return method + " (" + why + ")"
}
