package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"debut/bench/peers"
	"debut/datasets/interactions"
	"debut/kernels/pool"
	"debut/trainers/factorization"
	"debut/trainers/ranking"
)

// sameLists is the least share of places in which two programs must list the same item: they add products up in different orders, so that
// scores that are nearly equal may change places.
const sameLists = 0.995

// measureLists measures how long the lists of all users take.
func measureLists(ctx context.Context, r *runner, f *factorization.Factors, train *interactions.Matrix, workers *pool.Pool) error {
	users := make([]int32, train.Rows)
	for u := range users {
		users[u] = int32(u)
	}
	o := ranking.Options{K: listed, Ties: ranking.NewTies(train.Columns, strconv.Itoa), Seen: train, Pool: workers}
	var lists *ranking.Lists
	run := func() (err error) {
		lists, err = ranking.TopK(ctx, f.Scorer(r.Device), users, o)
		return err
	}
	if err := run(); err != nil {
		return err
	}
	if r.Peers {
		done, err := compareLists(ctx, r, f, train, lists, run)
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
	r.report("users_per_second", float64(len(users))/t)
	// What bounds the work: a product of each user's row with each item's.
	r.report("gflop_per_second", 2*float64(f.Width)*float64(train.Rows)*float64(train.Columns)/t/1e9)
	return nil
}

// compareLists takes turns with implicit, on the same factors. Where that is not installed, it says so and has done nothing.
func compareLists(ctx context.Context, r *runner, f *factorization.Factors, train *interactions.Matrix, lists *ranking.Lists, run func() error) (done bool, err error) {
	folder, err := os.MkdirTemp("", "debut-bench-")
	if err != nil {
		return false, err
	}
	defer removeAll(folder, &err)
	peer, err := peers.StartImplicitTopK(ctx, folder, squares(train, f.Width), f.Users, f.Items, r.Device.Info().Threads)
	if errors.Is(err, peers.ErrAbsent) {
		r.absent(err)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer peer.Close()
	theirs, err := peer.Lists()
	if err != nil {
		return false, err
	}
	same, all := 0, 0
	for u := range train.Rows {
		if train.Offsets[u] == train.Offsets[u+1] {
			continue // all items score alike for whom nothing is known of
		}
		items, _ := lists.Of(u)
		for _, i := range theirs[u*listed:][:len(items)] { // past the last candidate implicit lists what was left out
			all++
			if slices.Contains(items, i) {
				same++
			}
		}
	}
	if float64(same) < sameLists*float64(all) {
		return false, fmt.Errorf("of %d places of lists %d hold what implicit lists there: the work is not the same", all, same)
	}
	c, err := alternate(ctx, r.Duration, perSecond(run), peerRun(peer.Peer))
	if err != nil {
		return false, err
	}
	c.reportSeconds(r, secondsMetric, peer.Version()+", "+peer.Settings())
	return true, nil
}
