package neighbors

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"debut/datasets/interactions"
	"debut/kernels/pool"
	"debut/trainers/ranking"
)

// taobao loads the log of views, carts and buys, each 0/1, added up. more are further lines of the configuration.
func taobao(t testing.TB, more string) *interactions.Dataset {
	t.Helper()
	if testing.Short() {
		t.Skip("all pairs of twelve thousand items take a minute under the race detector; TestThreads has few of them")
	}
	root := os.Getenv("DEBUT_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	dir := filepath.Join(root, "taobao")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no real data: set DEBUT_DATA to the folder that holds it (%v)", err)
	}
	text := ""
	for _, kind := range []string{"view", "cart", "buy"} {
		text += fmt.Sprintf("- {path: %s.txt.gz, format: log, event: %s}\n", kind, kind)
	}
	d, err := interactions.Load(t.Context(), parse(t, "sources:\n"+text+more), dir, 7, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// given adds the held-out buys as the test part.
const given = "test: [{path: valid.txt.gz, format: log, event: buy}]\n"

func order(v *interactions.Vocabulary) *ranking.Ties { return ranking.NewTies(v.Len(), v.ID) }

func evaluate(t testing.TB, d *interactions.Dataset, s ranking.Scorer, p *pool.Pool) *ranking.Evaluation {
	t.Helper()
	e, err := ranking.Evaluate(t.Context(), s, d.Test, []int{20}, ranking.Options{Ties: order(d.Items), Seen: d.Train, Pool: p})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestTaobao reaches the recall that item-based cosine similarity of all neighbors has on these data: 0.122.
func TestTaobao(t *testing.T) {
	start := time.Now()
	d := taobao(t, given)
	loaded := time.Now()
	p := pool.New(2)
	defer p.Close()
	m, err := FitItems(t.Context(), d.Train, order(d.Items), Settings{Similarity: Cosine, Weighting: None, Shrinkage: new(0.0), Neighbors: new(0)}, p)
	if err != nil {
		t.Fatal(err)
	}
	fitted := time.Now()
	e := evaluate(t, d, m.Scorer(d.Train), p)
	t.Logf("%s", e.Protocol)
	t.Logf("%+v", e.At(20))
	t.Logf("%.1f s to load, %.1f s to compare %d items (%d neighbors, %d MB), %.1f s to rank", loaded.Sub(start).Seconds(), fitted.Sub(loaded).Seconds(),
		d.Items.Len(), len(m.Graph.Indices), m.Graph.Bytes()>>20, time.Since(fitted).Seconds())
	if e.Protocol.Users != 15449 || e.Protocol.RelevantSeen != 0 || d.Train.Len() != 927017 || e.Protocol.Candidates != 11953 {
		t.Errorf("protocol %+v, %d pairs", e.Protocol, d.Train.Len())
	}
	plain := e.At(20).Recall
	if math.Abs(plain-0.122) > 0.001 {
		t.Errorf("recall@20 is %.5f, want 0.122 ± 0.001", plain)
	}

	// The defaults were not chosen on these buys.
	m, err = FitItems(t.Context(), d.Train, order(d.Items), Settings{}, p)
	if err != nil {
		t.Fatal(err)
	}
	byItem := evaluate(t, d, m.Scorer(d.Train), p)
	n, err := FitUsers(t.Context(), d.Train, order(d.Users), Settings{}, p)
	if err != nil {
		t.Fatal(err)
	}
	byUser := evaluate(t, d, n.Scorer(), p)
	t.Logf("defaults by item: %+v", byItem.At(20))
	t.Logf("defaults by user: %+v", byUser.At(20))
	if r := byItem.At(20).Recall; r < plain+0.03 {
		t.Errorf("recall@20 of the defaults is %.5f; all neighbors without weights have %.5f", r, plain)
	}
	// Popularity has 0.013.
	if r := byUser.At(20).Recall; r < 0.08 {
		t.Errorf("recall@20 by users is %.5f", r)
	}
}
