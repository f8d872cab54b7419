package behavior

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"debut/engine"
	"debut/kernels"
)

// purposeBest is the copy of the best state in host memory.
const purposeBest = "copy of the best state"

// checkMemory estimates what a training will take before any of it is taken, and returns an error that says by what and
// what to do where that is more than there is. The function builds the graph for a size of batch.
func (s *session) checkMemory(graph func(batch int) (*engine.Graph, engine.TrainerOptions, error)) error {
	info := s.dev.Info()
	g, out := scoreGraph(s.net)
	if err := g.Err(); err != nil {
		return err
	}
	scoring, err := engine.EstimateProgram(g, engine.Options{Device: s.dev, Outputs: []*engine.Node{out}})
	if err != nil {
		return err
	}
	estimate := func(batch int) (map[string]int64, error) {
		g, opt, err := graph(batch)
		if err != nil {
			return nil, err
		}
		need, err := engine.EstimateTrainer(g, opt)
		if err == nil && s.validation() != nil && info.Kind == "cpu" { // the copy is in the machine's memory
			need[purposeBest] = need["parameters"] + need["optimizer state"]
		}
		for purpose, n := range scoring {
			if need != nil {
				need[purpose] += n
			}
		}
		return need, err
	}
	need, err := estimate(s.plan.Batch)
	if err != nil {
		return err
	}
	free := int64(0)
	if d, ok := s.dev.(interface{ Available() int64 }); ok {
		free = d.Available()
	}
	s.opt.Log.Info("memory", "device", info.Name, "estimate", bytesText(total(need)), "largest", memoryText(need, 3), "free", bytesText(free))
	if fits(need, free) {
		return nil
	}
	// The smallest batch that does not fit, by bisection, and so the largest that does.
	largest := sort.Search(s.plan.Batch, func(b int) bool {
		need, e := estimate(b + 1)
		if e != nil {
			err = e
		}
		return !fits(need, free)
	})
	if err != nil {
		return err
	}
	return memoryError(need, free, largest)
}

func total(need map[string]int64) int64 {
	sum := int64(0)
	for _, n := range need {
		sum += n
	}
	return sum
}

// fits says whether there is enough memory; 0 free is unknown.
func fits(need map[string]int64, free int64) bool { return free <= 0 || total(need) <= free }

// memoryError returns the error, which matches kernels.ErrOutOfMemory, of a training that needs more than is free. The largest
// batch that would fit is 0 where none would.
func memoryError(need map[string]int64, free int64, batch int) error {
	remedy := map[string]string{
		"parameters":      "narrower embeddings or layers (model.embedding, model.hidden), or fewer values of categorical columns (min_count)",
		"optimizer state": "an optimizer with less state (sgd has none, adagrad half of adam's)",
		"gradients":       "a smaller train.batch or train.accumulate",
		"activations":     "a smaller train.batch, with train.accumulate for the same step",
		"inputs":          "a smaller train.batch",
		purposeBest:       "no validation rows (data.split.validation: 0)",
	}
	largest := sortedPurposes(need)[0]
	if byParameters := need["parameters"] + need["optimizer state"] + need[purposeBest]; 2*byParameters > total(need) && need["parameters"] > free/4 {
		largest = "parameters" // what else there is grows with them
	}
	batches := "no train.batch is small enough"
	if batch == 0 {
		largest = "parameters"
	} else {
		batches = fmt.Sprintf("the largest train.batch that fits is about %d", batch)
	}
	return fmt.Errorf("behavior: training takes about %s (%s), and %s are free; %s; try %s: %w",
		bytesText(total(need)), memoryText(need, len(need)), bytesText(free), batches, remedy[largest], kernels.ErrOutOfMemory)
}

// sortedPurposes lists the purposes, those of most bytes first.
func sortedPurposes(need map[string]int64) []string {
	return slices.SortedFunc(maps.Keys(need), func(a, b string) int { return cmp.Or(cmp.Compare(need[b], need[a]), cmp.Compare(a, b)) })
}

func memoryText(need map[string]int64, most int) string {
	var parts []string
	for _, p := range sortedPurposes(need)[:min(most, len(need))] {
		parts = append(parts, p+" "+bytesText(need[p]))
	}
	return strings.Join(parts, ", ")
}

func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}
