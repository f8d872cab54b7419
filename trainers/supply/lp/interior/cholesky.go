package interior

import (
	"math"
)

// cholesky is a sparse symmetric matrix A·diag·Aᵀ + δ with its factor L·Lᵀ, rows in a fill-reducing order.
type cholesky struct {
	n        int
	order    []int32 // order[k] is the row that is the k-th
	place    []int32
	aStart   []int // upper triangle by columns of the ordered matrix: places ≤ k of column k
	aIndex   []int32
	aValue   []float64
	parent   []int32
	lStart   []int
	lIndex   []int32
	lValue   []float64
	next     []int
	work     []float64
	mark     []int32
	stack    []int32
	replaced int // pivots that were nothing
}

// analyze finds the order and the pattern of the factor for a pattern of columns by rows: rows[i] lists the rows that share a column with i.
func analyze(n int, adjacency [][]int32) *cholesky {
	c := &cholesky{n: n, order: minimumDegree(n, adjacency), place: make([]int32, n), work: make([]float64, n), mark: make([]int32, n), stack: make([]int32, n)}
	for k, i := range c.order {
		c.place[i] = int32(k)
	}
	c.aStart = make([]int, n+1)
	for k, i := range c.order {
		for _, j := range adjacency[i] {
			if int(c.place[j]) < k {
				c.aIndex = append(c.aIndex, c.place[j])
			}
		}
		c.aIndex = append(c.aIndex, int32(k)) // the diagonal last
		c.aStart[k+1] = len(c.aIndex)
	}
	c.aValue = make([]float64, len(c.aIndex))
	// The elimination tree (Liu, 1990), and by it the counts of columns.
	c.parent = make([]int32, n)
	ancestor := make([]int32, n)
	counts := make([]int, n)
	for k := range int32(n) {
		c.parent[k], ancestor[k] = -1, -1
		for e := c.aStart[k]; e < c.aStart[k+1]; e++ {
			for i := c.aIndex[e]; i != -1 && i < k; {
				up := ancestor[i]
				ancestor[i] = k
				if up == -1 {
					c.parent[i] = k
				}
				i = up
			}
		}
	}
	for i := range c.mark {
		c.mark[i] = -1
	}
	for k := range int32(n) {
		c.mark[k] = k
		counts[k]++
		for e := c.aStart[k]; e < c.aStart[k+1]; e++ {
			for i := c.aIndex[e]; c.mark[i] != k; i = c.parent[i] {
				c.mark[i] = k
				counts[i]++
			}
		}
	}
	c.lStart = make([]int, n+1)
	for k := range n {
		c.lStart[k+1] = c.lStart[k] + counts[k]
	}
	c.lIndex, c.lValue = make([]int32, c.lStart[n]), make([]float64, c.lStart[n])
	c.next = make([]int, n)
	return c
}

// factorize computes the factor, a row at a time (Davis, Direct methods for sparse linear systems, 2006, section 4.8). A pivot that is nothing
// beside the diagonal belongs to a row that depends on others: its place in solutions is zero.
func (c *cholesky) factorize() {
	copy(c.next, c.lStart[:c.n])
	for i := range c.mark {
		c.mark[i] = -1
	}
	c.replaced = 0
	x := c.work
	for k := range int32(c.n) {
		// The pattern of row k of L, in the order of the tree.
		top := c.n
		c.mark[k] = k
		d := 0.0
		for e := c.aStart[k]; e < c.aStart[k+1]; e++ {
			i := c.aIndex[e]
			if i == k {
				d = c.aValue[e]
				continue
			}
			x[i] = c.aValue[e]
			length := 0
			for ; c.mark[i] != k; i = c.parent[i] {
				c.stack[length] = i
				length++
				c.mark[i] = k
			}
			for length > 0 {
				length--
				top--
				c.stack[top] = c.stack[length]
			}
		}
		full := d
		for ; top < c.n; top++ {
			i := c.stack[top]
			start, end := c.lStart[i], c.next[i]
			v := x[i] / c.lValue[start]
			x[i] = 0
			index, value := c.lIndex[start+1:end], c.lValue[start+1:end]
			for e, r := range index {
				x[r] -= value[e] * v
			}
			d -= v * v
			c.lIndex[end], c.lValue[end] = k, v
			c.next[i]++
		}
		if d <= 1e-13*full || math.IsNaN(d) {
			d = 1e64
			c.replaced++
		}
		at := c.next[k]
		c.lIndex[at], c.lValue[at] = k, math.Sqrt(d)
		c.next[k]++
	}
}

// solve overwrites b, by rows, by the solution.
func (c *cholesky) solve(b []float64) {
	x := c.work
	for k, i := range c.order {
		x[k] = b[i]
	}
	for k := range c.n {
		v := x[k] / c.lValue[c.lStart[k]]
		x[k] = v
		if v != 0 {
			for e := c.lStart[k] + 1; e < c.lStart[k+1]; e++ {
				x[c.lIndex[e]] -= c.lValue[e] * v
			}
		}
	}
	for k := c.n - 1; k >= 0; k-- {
		v := x[k]
		for e := c.lStart[k] + 1; e < c.lStart[k+1]; e++ {
			v -= c.lValue[e] * x[c.lIndex[e]]
		}
		x[k] = v / c.lValue[c.lStart[k]]
	}
	for k, i := range c.order {
		b[i] = x[k]
	}
	clear(x)
}

// minimumDegree orders a symmetric pattern by approximate minimum degrees on a quotient graph (Amestoy, Davis and Duff, 1996), without
// supervariables.
func minimumDegree(n int, adjacency [][]int32) []int32 {
	variables := make([][]int32, n) // neighbors that are not eliminated and that no element covers
	elements := make([][]int32, n)  // elements of a variable
	members := make([][]int32, n)   // variables of an element
	degree := make([]int, n)
	done, absorbed := make([]bool, n), make([]bool, n)
	first, next, prev := make([]int32, n+1), make([]int32, n), make([]int32, n)
	for i := range first {
		first[i] = -1
	}
	put := func(i int32, d int) {
		degree[i] = d
		next[i], prev[i] = first[d], -1
		if first[d] >= 0 {
			prev[first[d]] = i
		}
		first[d] = i
	}
	remove := func(i int32) {
		if prev[i] >= 0 {
			next[prev[i]] = next[i]
		} else {
			first[degree[i]] = next[i]
		}
		if next[i] >= 0 {
			prev[next[i]] = prev[i]
		}
	}
	for i := n - 1; i >= 0; i-- {
		for _, j := range adjacency[i] {
			if int(j) != i {
				variables[i] = append(variables[i], j)
			}
		}
		put(int32(i), len(variables[i]))
	}
	order := make([]int32, 0, n)
	mark := make([]int32, n) // 1 + the pivot whose element a variable is in
	outside := make([]int, n)
	stamp := make([]int32, n)
	least := 0
	for len(order) < n {
		least = max(least-1, 0)
		for least > 0 && first[least-1] >= 0 {
			least--
		}
		for first[least] < 0 {
			least++
		}
		p := first[least]
		remove(p)
		done[p] = true
		order = append(order, p)
		round := int32(len(order))
		var list []int32
		take := func(i int32) {
			if !done[i] && mark[i] != round {
				mark[i] = round
				list = append(list, i)
			}
		}
		for _, i := range variables[p] {
			take(i)
		}
		for _, e := range elements[p] {
			if !absorbed[e] {
				for _, i := range members[e] {
					take(i)
				}
				absorbed[e] = true
				members[e] = nil
			}
		}
		members[p] = list
		variables[p], elements[p] = nil, nil
		// How many members of other elements are outside of this one.
		for _, i := range list {
			for _, e := range elements[i] {
				if absorbed[e] {
					continue
				}
				if stamp[e] != round {
					stamp[e] = round
					live := 0
					for _, v := range members[e] {
						if !done[v] {
							live++
						}
					}
					outside[e] = live
				}
				outside[e]--
			}
		}
		for _, i := range list {
			kept := elements[i][:0]
			d := len(list) - 1
			for _, e := range elements[i] {
				if absorbed[e] {
					continue
				}
				if outside[e] == 0 { // this one covers it
					absorbed[e] = true
					members[e] = nil
					continue
				}
				kept = append(kept, e)
				d += outside[e]
			}
			elements[i] = append(kept, p)
			rest := variables[i][:0]
			for _, v := range variables[i] {
				if !done[v] && mark[v] != round {
					rest = append(rest, v)
				}
			}
			variables[i] = rest
			d += len(rest)
			remove(i)
			put(i, min(d, n-len(order)))
			least = min(least, degree[i])
		}
	}
	return order
}
