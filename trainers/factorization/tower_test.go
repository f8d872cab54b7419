package factorization_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"debut/kernels/cuda/cudatest"
	"debut/kernels/philox"
	"debut/trainers/factorization"
	"debut/trainers/model"
	"debut/trainers/recommender/recommendertest"
	"debut/trainers/run"
)

// shopFiles writes what users of four tastes have of items of four kinds, and a table of the items with ones that nobody has yet.
func shopFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	r := philox.New(9, 9)
	var b, c, users strings.Builder
	b.WriteString("user,item\n")
	for u := range 120 {
		for range 8 {
			kind := u % 4
			if r.IntN(10) == 0 {
				kind = r.IntN(4)
			}
			fmt.Fprintf(&b, "u%d,i%d\n", u, 4*r.IntN(20)+kind)
		}
	}
	c.WriteString("item,kind,shade\n")
	for i := range 96 { // from 80 on nobody has them
		fmt.Fprintf(&c, "i%d,k%d,%d.%d\n", i, i%4, i%4, r.IntN(9))
	}
	users.WriteString("user,age\n")
	for u := range 130 {
		fmt.Fprintf(&users, "u%d,%d\n", u, 20+u%4+r.IntN(3))
	}
	recommendertest.Write(t, filepath.Join(dir, "events.csv"), b.String())
	recommendertest.Write(t, filepath.Join(dir, "items.csv"), c.String())
	recommendertest.Write(t, filepath.Join(dir, "users.csv"), users.String())
	return dir
}

const towerRun = `
family: factorization
name: towers
data: {sources: [{path: events.csv}], split: {method: leave_random_out, validation_items: 1, test_items: 1}}
items: {source: {path: items.csv}}
users: {source: {path: users.csv}}
model: {algorithm: two_tower, factors: 8, batch: 64, history: 4, learning_rate: 0.01, hidden: [{units: 8, dropout: 0.1}]}
train: {epochs: 3}
checkpoint: {every_steps: 5, every_minutes: 0}
`

// The same model, to the last bit of its files, for any number of threads, and of a run that is interrupted and resumed, with attributes and
// without; on a GPU as well.
func TestTowersSameBits(t *testing.T) {
	dir := shopFiles(t)
	check := func(t *testing.T, set ...string) {
		var first map[string]string
		for _, threads := range []int{1, 2, 7} {
			o := train(t, dir, towerRun, run.Options{Overwrite: true}, append(set, fmt.Sprintf("threads=%d", threads))...)
			got := recommendertest.Contents(t, o)
			if first == nil {
				first = got
			} else if !maps.Equal(got, first) {
				t.Errorf("%d threads give another model", threads)
			}
		}
		for _, epoch := range []int{1, 2} {
			ctx, stop := context.WithCancel(t.Context())
			name := fmt.Sprintf("name=cut%d", epoch)
			opt := run.Options{Overwrite: true, Progress: func(p run.Progress) {
				if p.Metrics != nil && p.Epoch == epoch {
					stop()
				}
			}}
			_, err := start(ctx, t, dir, towerRun, opt, append(set, name)...)
			stop()
			if !errors.Is(err, run.ErrInterrupted) {
				t.Fatalf("epoch %d: %v", epoch, err)
			}
			o := train(t, dir, towerRun, run.Options{Resume: run.ResumeLast}, append(set, name, "threads=3")...)
			if got := recommendertest.Contents(t, o); !maps.Equal(got, first) {
				t.Errorf("interrupted in epoch %d, the run makes another model", epoch)
			}
		}
	}
	t.Run("attributes", func(t *testing.T) { check(t) })
	t.Run("ids", func(t *testing.T) {
		check(t, "items=null", "users=null", "model.hidden=null", "model.confidence=value", "model.log_q=0", "model.start=random")
	})
	t.Run("gpu", func(t *testing.T) {
		cudatest.Use(t)
		check(t, "device=cuda", "train.epochs=2")
	})
}

// Items that nobody has yet come to whom their attributes fit, alike items are those of a kind, and a stranger gets lists by what he has.
func TestTowersOfAttributes(t *testing.T) {
	o := train(t, shopFiles(t), towerRun, run.Options{}, "train.epochs=25")
	m, err := open(t, o.Folder, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range []string{"i84", "i85", "i94"} {
		var n int
		if _, err := fmt.Sscanf(item, "i%d", &n); err != nil {
			t.Fatal(err)
		}
		l, err := m.AudienceOf(context.Background(), item, 20, false)
		if err != nil {
			t.Fatal(err)
		}
		fits := 0
		for _, user := range l.Items {
			var u int
			if _, err := fmt.Sscanf(user, "u%d", &u); err != nil {
				t.Fatal(err)
			}
			if u%4 == n%4 {
				fits++
			}
		}
		if fits < 16 {
			t.Errorf("%s, which nobody has, is to be shown to %q: %d of 20 have its taste", item, l.Items, fits)
		}
		alike, err := m.Similar(item, 10)
		if err != nil || len(alike.Items) != 10 {
			t.Fatal(alike, err)
		}
		same := 0
		for _, other := range alike.Items {
			var i int
			if _, err := fmt.Sscanf(other, "i%d", &i); err != nil {
				t.Fatal(err)
			}
			if i%4 == n%4 {
				same++
			}
		}
		if same < 8 {
			t.Errorf("like %s are %q", item, alike.Items)
		}
	}
	l, err := m.RecommendTo("stranger", []factorization.Event{{Item: "i2", Value: 1}, {Item: "i6", Value: 1}, {Item: "i10", Value: 1}}, 10)
	if err != nil {
		t.Fatal(err)
	}
	fits := 0
	for _, item := range l.Items {
		var i int
		if _, err := fmt.Sscanf(item, "i%d", &i); err != nil {
			t.Fatal(err)
		}
		if i%4 == 2 {
			fits++
		}
	}
	if fits < 8 {
		t.Errorf("who has items of kind 2 gets %q", l.Items)
	}
	if _, err := m.Similar("none", 3); err == nil || !strings.Contains(err.Error(), model.ErrUnknown.Error()) {
		t.Error(err)
	}
}
