// Command choose compares candidates for the defaults on the sets that are there to choose on:
//
//	go run ./bench/defaults/choose -candidates bench/defaults/choose/candidates.txt [-sets adult,codes] [-seeds 2]
//
// A candidate is a line: its name, a colon, and settings as --set of debut train has them, apart by spaces. For each set
// and candidate it prints what the test rows of the set say, the mean of seeds and splits, and seconds of CPU.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"debut/bench/defaults"
)

// candidate is a name and settings.
type candidate struct {
	name     string
	settings []string
}

func main() {
	file := flag.String("candidates", "bench/defaults/choose/candidates.txt", "the file of candidates")
	sets := flag.String("sets", "", "names of sets, apart by commas; all if none")
	only := flag.String("only", "", "names of candidates, apart by commas; all if none")
	seeds := flag.Int("seeds", 1, "seeds of each")
	threads := flag.Int("threads", 1, "worker threads")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *file, chosen(*sets), chosen(*only), *seeds, *threads); err != nil {
		stop()
		log.Fatal(err)
	}
}

// chosen tells whether a name is among those of a list; an empty list has all.
func chosen(list string) func(string) bool {
	return func(name string) bool {
		return list == "" || strings.Contains(","+list+",", ","+name+",")
	}
}

func read(path string) (all []candidate, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, settings, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("%s: %q has no colon behind a name", path, line)
		}
		all = append(all, candidate{name, strings.Fields(settings)})
	}
	return all, lines.Err()
}

func run(ctx context.Context, file string, wanted, only func(string) bool, seeds, threads int) (err error) {
	candidates, err := read(file)
	if err != nil {
		return err
	}
	for _, s := range defaults.Sets() {
		if s.Half != defaults.Choose || !wanted(s.Name) {
			continue
		}
		if err := compare(ctx, s, candidates, only, seeds, threads); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return nil
}

// compare trains all candidates on a set.
func compare(ctx context.Context, s *defaults.Set, candidates []candidate, only func(string) bool, seeds, threads int) (err error) {
	folder, err := os.MkdirTemp("", "debut-choose-")
	if err != nil {
		return err
	}
	defer func() {
		if e := os.RemoveAll(folder); err == nil {
			err = e
		}
	}()
	var splits []*defaults.Work
	for split := range s.Splits {
		w := defaults.NewWork(filepath.Join(folder, fmt.Sprint(split)), threads)
		if err := w.Prepare(ctx, s, split); err != nil {
			return err
		}
		splits = append(splits, w)
	}
	for _, c := range candidates {
		if !only(c.name) {
			continue
		}
		var value, validation, epochs, best float64
		n := float64(len(splits) * seeds)
		before := seconds()
		for _, w := range splits {
			for seed := range seeds {
				t, err := w.Train(ctx, append([]string{fmt.Sprintf("seed=%d", seed+1)}, c.settings...)...)
				if err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
				v, err := t.Test.Get(s.Metric)
				if err != nil {
					return err
				}
				value += v / n
				if t.Validation != nil {
					v, err = t.Validation.Get(s.Metric)
					if err != nil {
						return err
					}
					validation += v / n
				}
				epochs, best = epochs+float64(t.Epochs)/n, best+float64(t.Best)/n
			}
		}
		fmt.Printf("%-14s %-20s %-8s %.4f   validation %.4f   epochs %5.1f, best %5.1f   %6.2f s of CPU\n", s.Name, c.name, s.Metric, value, validation, epochs, best, (seconds()-before)/n)
	}
	return nil
}

// seconds is the CPU time that the process has taken.
func seconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
