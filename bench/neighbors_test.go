package bench

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"debut/bench/peers"
	"debut/kernels/devices"
)

// The matrix of a case has the pairs it says, is the same each time, and is skewed.
func TestRandomPairs(t *testing.T) {
	a, b := randomPairs(300, 200, 5000), randomPairs(300, 200, 5000)
	if a.Len() != 5000 || len(a.Offsets) != 301 {
		t.Errorf("%d pairs of %d users", a.Len(), len(a.Offsets)-1)
	}
	most := int32(0)
	for u := range a.Rows {
		items, _ := a.Row(u)
		again, _ := b.Row(u)
		for k, i := range items {
			if again[k] != i || k > 0 && items[k-1] >= i {
				t.Fatalf("user %d has %v, then %v", u, items, again)
			}
		}
	}
	for _, n := range a.ColumnCounts() {
		most = max(most, n)
	}
	if most < 3*5000/200 {
		t.Errorf("the most popular item has %d users, the mean is %d", most, 5000/200)
	}
}

// Where DEBUT_IMPLICIT names a Python with implicit, both have the same similarities; a Python without it says what it lacks.
func TestImplicit(t *testing.T) {
	measure := func(name string) (map[string]Result, string, error) {
		dev, err := devices.Open("cpu", devices.Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = dev.Close() }()
		r, err := newRunner("neighbors", Options{Device: dev, Cases: []string{name}, Peers: true, Duration: 1})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]Result{}
		peer := ""
		err = r.measure(t.Context(), name, func(x Result) error {
			got[x.Metric] = x
			peer = x.Peer
			return nil
		})
		return got, peer, err
	}
	if os.Getenv(peers.ImplicitVariable) != "" {
		for _, name := range []string{"similar.200x150x3000", "top20.200x150x3000"} {
			got, peer, err := measure(name)
			if err != nil {
				t.Fatal(err)
			}
			if got["ratio"].Value > 0 && !strings.HasPrefix(peer, "implicit ") {
				t.Errorf("%s: %v by %q", name, got, peer)
			}
		}
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 to ask for implicit")
	}
	// A Python without the packages of the site has none.
	bare := filepath.Join(t.TempDir(), "python")
	if err := os.WriteFile(bare, []byte("#!/bin/sh\nexec "+python+" -S -E \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	m := randomPairs(10, 10, 20)
	w := peers.Items{Users: 10, Items: 10, Neighbors: 3, K: 2, Offsets: m.Offsets, Indices: m.Indices, Values: m.Values}
	for _, c := range []struct{ python, want string }{{"", "names no Python"}, {"/nowhere/python", "no such file"}, {bare, "install implicit, numpy and scipy"}} {
		t.Setenv(peers.ImplicitVariable, c.python)
		_, err := peers.StartImplicit(t.Context(), t.TempDir(), w, peers.ImplicitSimilar, 1)
		if !errors.Is(err, peers.ErrAbsent) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want an error with %q", c.python, err, c.want)
		}
	}
}
