package behavior

import (
	"testing"
	"time"
)

// TestCheckpointCost tells the share of checkpoints in the time of a run at the default interval, in which a run as
// short as this one writes its last one alone, and with one after each epoch.
func TestCheckpointCost(t *testing.T) {
	realData(t)
	for _, c := range []struct {
		name     string
		override string
		least    func(epochs int) int
	}{
		{"default", "checkpoint.keep=2", func(int) int { return 1 }},
		{"every epoch", "checkpoint.every_epochs=1", func(epochs int) int { return epochs }},
	} {
		began := time.Now()
		o := trainExample(t, "shoppers", c.override)
		whole := time.Since(began).Seconds()
		s := o.Result.Checkpoints
		if s == nil || s.Written < c.least(len(o.Result.Epochs)) || s.Failed != 0 || s.Seconds <= 0 || s.Seconds < s.LastSeconds {
			t.Fatalf("%s: checkpoints %+v in %d epochs", c.name, s, len(o.Result.Epochs))
		}
		t.Logf("%s: %d checkpoints took %.4f of %.2f s, %.2f %%", c.name, s.Written, s.Seconds, whole, 100*s.Seconds/whole)
	}
}
