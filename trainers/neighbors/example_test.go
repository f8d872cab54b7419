package neighbors_test

import (
	"context"
	"fmt"

	"debut/datasets/interactions"
	"debut/trainers/neighbors"
	"debut/trainers/ranking"
)

func Example() {
	b, err := interactions.NewBuilder(&interactions.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, pair := range [][2]string{{"ann", "tea"}, {"ann", "pot"}, {"bob", "tea"}, {"bob", "pot"}, {"bob", "cup"}, {"eve", "cup"}, {"eve", "ink"}} {
		if err := b.Add(interactions.Event{User: pair[0], Item: pair[1], Value: 1, Time: interactions.NoTime}); err != nil {
			fmt.Println(err)
			return
		}
	}
	d, err := b.Build(context.Background(), 1, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ties := ranking.NewTies(d.Items.Len(), d.Items.ID)
	m, err := neighbors.FitItems(context.Background(), d.Train, ties, neighbors.Settings{}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	tea, _ := d.Items.Index("tea")
	items, _ := m.Similar(int(tea))
	fmt.Println("like tea:", d.Items.ID(int(items[0])))

	// Somebody new, who has tea.
	scores := make([]float32, d.Items.Len())
	if err := m.Score([]int32{tea}, []float32{1}, scores); err != nil {
		fmt.Println(err)
		return
	}
	best := ranking.NewSelector(2, ties)
	best.AddAll(scores)
	for _, x := range best.Best() {
		fmt.Println("for a lover of tea:", d.Items.ID(int(x.Item)))
	}
	// Output:
	// like tea: pot
	// for a lover of tea: pot
	// for a lover of tea: cup
}
