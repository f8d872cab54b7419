package main

import (
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/prepare"
)

// FuzzDataFile reads data files as prepare does, up to the point where data are read.
func FuzzDataFile(f *testing.F) {
	f.Add([]byte("output: out\nsources: {a: {path: a.csv}}\nsteps: [{filter: x > 0}, {fill: {x: {method: median}}}]\nsplit: {method: time, column: t}\n"))
	f.Add([]byte("output: o\nmemory: 2GiB\nsources: {a: {query: SELECT 1}, b: {postgres: {dsn: {env: X}, table: t}}}\nfrom: a\nsteps:\n  - aggregate: {at: t, features: {n: {function: count, window: 30d}}}\n"))
	f.Add([]byte("steps: [{generalize: {a: {width: -1}}}, {clip: {a: {quantiles: [0.9]}}}, {resample: {label: y, rates: {a: .inf}}}]"))
	f.Fuzz(func(_ *testing.T, text []byte) {
		cfg := new(prepare.Config)
		if err := configfile.Parse("data.yaml", text, cfg, nil); err != nil {
			return
		}
		cfg.SetDefaults()
		_ = cfg.Validate() // must return
	})
}
