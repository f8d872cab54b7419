package ranking_test

import (
	"context"
	"fmt"

	"debut/datasets/interactions"
	"debut/trainers/ranking"
)

// popular scores items by how many users know them.
type popular struct{ counts []int32 }

func (p popular) Items() int { return len(p.counts) }

func (p popular) Score(users []int32, out []float32) error {
	for i := range out {
		out[i] = float32(p.counts[i%len(p.counts)])
	}
	return nil
}

func Example() {
	b, err := interactions.NewBuilder(&interactions.Config{Split: interactions.Split{Method: interactions.SplitLeaveLastOut}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range []interactions.Event{
		{User: "ann", Item: "tea", Value: 1, Time: 1}, {User: "ann", Item: "cup", Value: 1, Time: 2},
		{User: "bob", Item: "tea", Value: 1, Time: 1}, {User: "bob", Item: "cup", Value: 1, Time: 2}, {User: "bob", Item: "pot", Value: 1, Time: 3},
		{User: "eve", Item: "cup", Value: 1, Time: 1}, {User: "eve", Item: "tea", Value: 1, Time: 2},
	} {
		if err := b.Add(e); err != nil {
			fmt.Println(err)
			return
		}
	}
	d, err := b.Build(context.Background(), 1, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err := ranking.Evaluate(context.Background(), popular{d.Train.ColumnCounts()}, d.Test, []int{1}, ranking.Options{
		Ties: ranking.NewTies(d.Items.Len(), d.Items.ID), Seen: d.Train,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("recall@1 %.3f of %d users\n", e.At(1).Recall, e.Protocol.Users)
	// Output: recall@1 1.000 of 3 users
}
