package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"

	"debut/bench/peers"
	"debut/datasets/interactions"
	"debut/kernels/philox"
	"debut/kernels/pool"
	"debut/trainers/neighbors"
	"debut/trainers/ranking"
)

// neighborsForm is how a case is written.
const neighborsForm = "similar.USERSxITEMSxPAIRS or top20.USERSxITEMSxPAIRS"

// similarities is the suite of models that recommend by neighbors.
var similarities = Suite{
	Name:    "neighbors",
	Summary: "the 20 items most similar to each, by cosine; the best 20 of all items for every user, by those",
	Cases:   []string{"similar.29858x40981x810000", "top20.29858x40981x810000"},
	Form:    neighborsForm,
	Peer:    "implicit",
	Metrics: []Metric{{Name: secondsMetric, Direction: Lower}, {Name: sumMetric, Direction: Same}},
	Host:    func(string) bool { return true },
	measure: measureNeighbors,
}

const (
	secondsMetric = "seconds"
	sumMetric     = "similarities" // the sum of those kept
)

// Sizes of what is found.
const (
	nearItems = 20
	topItems  = 20
)

var neighborsCase = regexp.MustCompile(`^(similar|top20)\.([1-9]\d{0,7})x([1-9]\d{0,7})x([1-9]\d{0,8})$`)

// parseNeighbors reads a case's name.
func parseNeighbors(name string) (work string, users, items, pairs int, err error) {
	m := neighborsCase.FindStringSubmatch(name)
	if m == nil {
		return "", 0, 0, 0, fmt.Errorf("the case is not of the form %s", neighborsForm)
	}
	var size [3]int
	for i := range size {
		if size[i], err = strconv.Atoi(m[i+2]); err != nil {
			return "", 0, 0, 0, err
		}
	}
	if size[2] > size[0]*size[1]/4 {
		return "", 0, 0, 0, fmt.Errorf("%d pairs are too many for %d users and %d items: take at most a quarter of all", size[2], size[0], size[1])
	}
	return m[1], size[0], size[1], size[2], nil
}

// randomPairs is a matrix of exactly so many pairs, each with the value 1: few users have many items and few items are with many
// users, as in a shop.
func randomPairs(users, items, pairs int) *interactions.Matrix {
	r := philox.New(1, philox.StreamOf("bench.neighbors"))
	lists := make([][]int32, users)
	// The numbers of popular ones are spread over all of them: order decides nothing.
	user, item := r.Perm(users), r.Perm(items)
	skewed := func(n int) int { return int(float64(n) * r.Float64() * r.Float64()) }
	seen := make(map[int64]struct{}, pairs)
	for len(seen) < pairs {
		u, i := user[skewed(users)], item[skewed(items)]
		key := int64(u)<<32 | int64(i)
		if _, ok := seen[key]; ok {
			continue
		}
		seen[key] = struct{}{}
		lists[u] = append(lists[u], i)
	}
	m := &interactions.Matrix{Rows: users, Columns: items, Offsets: make([]int64, users+1)}
	for u, list := range lists {
		slices.Sort(list)
		m.Indices = append(m.Indices, list...)
		m.Offsets[u+1] = m.Len()
	}
	m.Values = make([]float32, pairs)
	for k := range m.Values {
		m.Values[k] = 1
	}
	return m
}

// neighborsWork is one case.
type neighborsWork struct {
	matrix *interactions.Matrix
	ties   *ranking.Ties
	pool   *pool.Pool
	model  *neighbors.Items
	users  []int32
}

func (w *neighborsWork) fit(ctx context.Context) (err error) {
	w.model, err = neighbors.FitItems(ctx, w.matrix, w.ties, neighbors.Settings{
		Similarity: neighbors.Cosine, Weighting: neighbors.None, Shrinkage: new(0.0), Neighbors: new(nearItems),
	}, w.pool)
	return err
}

func (w *neighborsWork) top(ctx context.Context) error {
	_, err := ranking.TopK(ctx, w.model.Scorer(w.matrix), w.users, ranking.Options{K: topItems, Ties: w.ties, Seen: w.matrix, Pool: w.pool})
	return err
}

func measureNeighbors(ctx context.Context, name string, r *runner) error {
	work, users, items, pairs, err := parseNeighbors(name)
	if err != nil {
		return err
	}
	w := &neighborsWork{matrix: randomPairs(users, items, pairs), users: make([]int32, users), pool: pool.New(r.Device.Info().Threads)}
	defer w.pool.Close()
	w.ties = ranking.NewTies(items, strconv.Itoa)
	products := int64(0)
	for u := range users {
		w.users[u] = int32(u)
		n := w.matrix.Offsets[u+1] - w.matrix.Offsets[u]
		products += n * n
	}
	if err := w.fit(ctx); err != nil {
		return err
	}
	sum := 0.0
	for _, v := range w.model.Graph.Values {
		sum += float64(v)
	}
	run := func() error { return w.fit(ctx) }
	if work == peers.ImplicitTop {
		run = func() error { return w.top(ctx) }
	}
	if r.Peers {
		done, err := compareNeighbors(ctx, r, w, work, sum, run)
		if done || err != nil {
			return err
		}
	}
	_, median, err := r.repeat(ctx, run)
	if err != nil {
		return err
	}
	t := median.Seconds()
	r.report(secondsMetric, t)
	if work == peers.ImplicitSimilar {
		// What bounds the work: a multiply-add for every two items of a user.
		r.report("products", float64(products))
		r.report("gigaproducts_per_second", float64(products)/t/1e9)
	} else {
		r.report("users_per_second", float64(users)/t)
	}
	r.report(sumMetric, sum)
	return nil
}

// similarityTolerance is how far apart, relative to the greater, sums of similarities may be that were added up in another order, some of
// them in float32.
const similarityTolerance = 1e-3

// compareNeighbors takes turns with implicit. Where that is not installed, it says so and has done nothing.
func compareNeighbors(ctx context.Context, r *runner, w *neighborsWork, work string, sum float64, run func() error) (done bool, err error) {
	folder, err := os.MkdirTemp("", "debut-bench-")
	if err != nil {
		return false, err
	}
	defer removeAll(folder, &err)
	m := w.matrix
	peer, err := peers.StartImplicit(ctx, folder, peers.Items{
		Users: m.Rows, Items: m.Columns, Neighbors: nearItems, K: topItems, Offsets: m.Offsets, Indices: m.Indices, Values: m.Values,
	}, work, r.Device.Info().Threads)
	if errors.Is(err, peers.ErrAbsent) {
		r.absent(err)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer peer.Close()
	theirs, err := peer.Loss()
	if err != nil {
		return false, err
	}
	if !(math.Abs(sum-theirs) <= similarityTolerance*max(sum, theirs)) {
		return false, fmt.Errorf("the similarities add up to %v and those of implicit to %v: further apart than %v of it, so the work is not the same", sum, theirs, similarityTolerance)
	}
	c, err := alternate(ctx, r.Duration, perSecond(run), peerRun(peer.Peer))
	if err != nil {
		return false, err
	}
	c.reportSeconds(r, secondsMetric, peer.Version()+", "+peer.Settings())
	r.report(sumMetric, sum)
	r.report("peer_"+sumMetric, theirs)
	return true, nil
}
