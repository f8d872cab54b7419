package interactions_test

import (
	"context"
	"fmt"

	"debut/datasets/interactions"
)

func Example() {
	b, err := interactions.NewBuilder(&interactions.Config{Weights: map[string]float64{"view": 1, "buy": 5}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range []interactions.Event{
		{User: "ann", Item: "tea", Value: 1, Kind: "view"},
		{User: "ann", Item: "tea", Value: 1, Kind: "buy"},
		{User: "bob", Item: "cup", Value: 1, Kind: "view"},
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
	for u := range d.Train.Rows {
		items, values := d.Train.Row(u)
		for k, i := range items {
			fmt.Println(d.Users.ID(u), d.Items.ID(int(i)), values[k])
		}
	}
	// Output:
	// ann tea 6
	// bob cup 1
}
