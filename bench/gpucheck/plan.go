package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"debut/bench/peers"
	"debut/kernels/devices"
	"debut/kernels/kerneltest"
)

// plan knows what to do.
type plan struct {
	self  string // this program
	root  string // the folder with tests and what they read
	small bool   // for a GPU that is emulated
	flags []string
}

const defaultNet = "256-512-256-1"

// subcommands are what can be asked for, the default first.
func subcommands() []string { return []string{"all", "tests", "bench", "peers", "profile", "sanitize"} }

// sections returns what a subcommand does.
func (p *plan) sections(name string) ([]section, error) {
	background := p.warm()
	switch name {
	case "all":
		correct := p.correctness()
		correct.background = background
		return []section{p.environment(), correct, p.measurements(true), p.conformance(false, 45*time.Second), p.peers(150 * time.Second),
			p.conformance(true, 30*time.Second)}, nil
	case "tests":
		return []section{p.environment(), p.correctness(), p.conformance(false, 0), p.conformance(true, 60*time.Second)}, nil
	case "bench":
		return []section{p.environment(), p.measurements(true)}, nil
	case "peers":
		ours := p.measurements(false)
		environment := p.environment()
		environment.background = background
		return []section{environment, ours, p.peers(300 * time.Second)}, nil
	case "profile":
		return []section{p.profile()}, nil
	case "sanitize":
		return []section{p.sanitize()}, nil
	}
	return nil, fmt.Errorf("gpucheck: there is no %q; there are %s", name, strings.Join(subcommands(), ", "))
}

// measurement is a measurement in a process of its own.
func (p *plan) measurement(name string, limit time.Duration, args ...string) part {
	command := append([]string{p.self}, p.flags...)
	return part{name: name, limit: limit, command: append(append(command, "measure"), args...)}
}

// cutName splits a part's name in its kind and the rest, and the rest at its last point.
func cutName(name string) (kind, first, last string) {
	kind, rest, _ := strings.Cut(name, ".")
	if i := strings.LastIndexByte(rest, '.'); i >= 0 {
		return kind, rest[:i], rest[i+1:]
	}
	return kind, rest, ""
}

func (p *plan) net() string {
	if p.small {
		return "32-16-1"
	}
	return defaultNet
}

// batches are the sizes of batches that steps are measured with, the most telling first.
func (p *plan) batches() []int {
	if p.small {
		return []int{64, 128}
	}
	return []int{1024, 8192, 4096, 2048}
}

// tables returns the rows of tables, and the rows and fields of batches of ids.
func (p *plan) tables() (rows int, ids [][2]int) {
	if p.small {
		return 20_000, [][2]int{{64, 10}, {128, 26}}
	}
	return 10_000_000, [][2]int{{4096, 26}, {8192, 26}, {4096, 10}, {8192, 10}}
}

func (p *plan) environment() section {
	s := section{name: "environment"}
	if smi := tool("nvidia-smi"); smi != "" {
		s.parts = append(s.parts, part{name: "nvidia-smi", limit: 20 * time.Second, command: []string{smi, "-q"}, text: true})
	} else {
		s.parts = append(s.parts, part{name: "nvidia-smi", limit: 5 * time.Second, command: missing("nvidia-smi is not installed"), text: true})
	}
	s.parts = append(s.parts, p.measurement("opening.first", 40*time.Second, "opening"), p.measurement("opening.again", 30*time.Second, "opening"))
	return s
}

func (p *plan) correctness() section {
	s := section{name: "correctness", reserve: 40 * time.Second, jobs: 2, then: sameBits}
	batch := strconv.Itoa(p.batches()[0])
	for _, precision := range devices.Precisions() {
		s.parts = append(s.parts, p.measurement("losses."+precision, 30*time.Second, "losses", p.net(), precision, batch))
	}
	for _, precision := range devices.Precisions() {
		for _, how := range []string{"once", "twice", "blocking", "poisoned"} {
			m := p.measurement("bits."+precision+"."+how, 30*time.Second, "bits", p.net(), precision, batch, how)
			if how == "blocking" {
				m.env = append(m.env, "CUDA_LAUNCH_BLOCKING=1")
			}
			s.parts = append(s.parts, m)
		}
	}
	return s
}

// measurements are our own figures. All of them, or those that peers are compared with.
func (p *plan) measurements(all bool) section {
	s := section{name: "measurements", reserve: 150 * time.Second, quiet: true}
	rows, ids := p.tables()
	large, shapes := "8192x8192x8192.nn", []string{"1024x1024x1024.nn", "1024x1024x1024.nt", "1024x1024x1024.tn", "1024x512x256.nn", "8192x512x256.nn",
		"8192x256x512.nt", "256x512x8192.tn"}
	if p.small {
		large, shapes = "64x48x32.nn", []string{"64x48x32.nt"}
	}
	const limit = 25 * time.Second
	if all {
		s.parts = append(s.parts, p.measurement("ceilings", limit, "ceilings"))
		for _, precision := range devices.Precisions() {
			s.parts = append(s.parts, p.measurement("products."+precision, limit, append([]string{"products", precision, large}, shapes...)...))
		}
	}
	for _, batch := range p.batches() {
		for _, precision := range devices.Precisions() {
			s.parts = append(s.parts, p.measurement(fmt.Sprintf("step.%s.%d", precision, batch), limit, "step", p.net(), precision, strconv.Itoa(batch)))
		}
	}
	for _, n := range ids {
		s.parts = append(s.parts, p.measurement(fmt.Sprintf("tables.%dx%d", n[0], n[1]), limit, "tables", strconv.Itoa(rows), strconv.Itoa(n[0]), strconv.Itoa(n[1])))
	}
	if !all {
		return s
	}
	for _, batch := range p.batches()[:2] {
		s.parts = append(s.parts, p.measurement(fmt.Sprintf("kernels.fp32.%d", batch), limit, "kernels", p.net(), "fp32", strconv.Itoa(batch)))
	}
	own := p.measurement("products.own", limit, append([]string{"products", "fp32", large}, shapes...)...)
	own.env = append(own.env, "DEBUT_CUBLAS=none")
	s.parts = append(s.parts, own)
	if !p.small {
		for _, precision := range devices.Precisions() {
			s.parts = append(s.parts, p.measurement("step."+precision+".wide", limit, "step", "1024-1024-512-256-1", precision, "1024"))
		}
	}
	s.parts = append(s.parts, p.measurement("step.cpu", limit, "step", p.net(), "cpu", strconv.Itoa(p.batches()[0])))
	return s
}

// warm has PyTorch compile in the background.
func (p *plan) warm() *part {
	args := []string{"warm", p.net()}
	for _, batch := range p.batches()[:2] {
		args = append(args, strconv.Itoa(batch))
	}
	m := p.measurement("peers.warm", 400*time.Second, args...)
	return &m
}

// peers are PyTorch's figures, the best of its ways first.
func (p *plan) peers(reserve time.Duration) section {
	s := section{name: "peers", reserve: reserve, endsBackground: true}
	modes, batches := peers.CUDAModes(), p.batches()[:2]
	for i, list := range [][]string{modes[:2], modes[2:]} {
		for _, batch := range batches {
			for _, mode := range list {
				s.parts = append(s.parts, p.measurement(fmt.Sprintf("peer.%s.%d", mode, batch), 75*time.Second, "peer", mode, p.net(), strconv.Itoa(batch)))
			}
		}
		if i > 0 {
			continue
		}
		rows, ids := p.tables()
		for _, n := range ids[:2] {
			s.parts = append(s.parts, p.measurement(fmt.Sprintf("torch.%dx%d", n[0], n[1]), 60*time.Second, "torch", strconv.Itoa(rows), strconv.Itoa(n[0]), strconv.Itoa(n[1])))
		}
	}
	return s
}

// conformance runs the tests, with cuBLAS or by own kernels alone; each family of kernels in a process of its own, and what has failed
// once more alone.
func (p *plan) conformance(own bool, reserve time.Duration) section {
	s := section{name: "tests", reserve: reserve, jobs: max(1, min(6, runtime.NumCPU()/2))}
	suffix := ""
	var env []string
	if own {
		suffix, env = ".own", []string{"DEBUT_CUBLAS=none"}
	}
	const root, strange = "^TestConformanceOnGPU$", "^(TestConformanceOnGPU|TestNothingElseImportsCu)$" // the latter looks at sources
	add := func(name, folder, binary string, args ...string) {
		if p.small {
			args = append(args, "-test.short")
		}
		file := filepath.Join(p.root, binary)
		s.parts = append(s.parts, part{
			name: "tests." + name + suffix, limit: 100 * time.Second, text: true, folder: filepath.Join(p.root, folder), env: env,
			command: append([]string{file, "-test.v", "-test.timeout=95s"}, args...), then: again,
		})
	}
	names := append([]string{"device"}, kerneltest.Families()...)
	rest, engine := ".", "OnGPU"
	if p.small {
		names, rest, engine = []string{"device", "reduction"}, "Guard|Uploads|Clock|Transfers|Poison", "GuardOnGPU"
	}
	for _, name := range names {
		add(strings.ReplaceAll(name, " ", "-"), "kernels/cuda", "kernels.test", "-test.run", root+"/^"+strings.ReplaceAll(name, " ", "_")+"$")
	}
	// Each test in a process of its own; all of them in one where the program does not say which there are.
	each := func(name, folder, binary, pattern string) {
		list := testsOf(filepath.Join(p.root, binary), pattern)
		if len(list) == 0 {
			add(name, folder, binary, "-test.run", pattern, "-test.skip", strange)
		}
		for _, test := range list {
			if !regexp.MustCompile(strange).MatchString(test) {
				add(name+"."+test, folder, binary, "-test.run", "^"+test+"$")
			}
		}
	}
	if !own { // those that compare with cuBLAS
		each("kernels", "kernels/cuda", "kernels.test", rest)
	}
	each("engine", "engine", "engine.test", engine)
	return s
}

// testsOf lists the tests of a program.
func testsOf(binary, pattern string) []string {
	out, err := exec.Command(binary, "-test.list", pattern).Output()
	if err != nil {
		return nil // running them will say why
	}
	var list []string
	for line := range strings.Lines(string(out)) {
		if name := strings.TrimSpace(line); strings.HasPrefix(name, "Test") {
			list = append(list, name)
		}
	}
	return list
}

var failure = regexp.MustCompile(`^\s*--- FAIL: (\S+)`)

// again runs failed tests once more, alone: whether they fail by themselves tells much.
func again(c *check, p part, log string, s Status) []part {
	if s != failed {
		return nil
	}
	f, err := os.Open(log)
	if err != nil {
		return nil // the part's own status stands
	}
	defer func() { _ = f.Close() }() // it was only read
	var names []string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if m := failure.FindStringSubmatch(lines.Text()); m != nil {
			names = append(names, m[1])
		}
	}
	var list []part
	for i, name := range names {
		parent := false
		for j, other := range names {
			parent = parent || i != j && strings.HasPrefix(other, name+"/")
		}
		if parent {
			continue
		}
		c.records.note(p.name, "%s fails", name)
		if len(list) == 4 {
			continue
		}
		var pattern []string
		for _, element := range strings.Split(name, "/") {
			pattern = append(pattern, "^"+regexp.QuoteMeta(element)+"$")
		}
		q := p
		q.name, q.limit, q.then = p.name+" again "+name, 30*time.Second, nil
		q.command = []string{p.command[0], "-test.v", "-test.timeout=28s", "-test.run", strings.Join(pattern, "/")}
		list = append(list, q)
	}
	return list
}

// profile has Nsight Compute look at every kernel of a step.
func (p *plan) profile() section {
	s := section{name: "profile"}
	ncu := tool("ncu")
	for _, batch := range p.batches()[:2] {
		for _, precision := range []string{"fp32", "tf32"} {
			name := fmt.Sprintf("profile.%s.%d", precision, batch)
			if ncu == "" {
				s.parts = append(s.parts, part{name: name, limit: 5 * time.Second, command: missing("ncu, Nsight Compute, is not installed"), text: true})
				continue
			}
			m := p.measurement(name, 130*time.Second, "steps", p.net(), precision, strconv.Itoa(batch), "4")
			m.command = append([]string{
				ncu, "--clock-control", "none", "--section", "SpeedOfLight", "--section", "MemoryWorkloadAnalysis", "--section", "Occupancy",
				"--section", "LaunchStats", "--launch-skip", "60", "--csv", "--page", "details",
			}, m.command...)
			m.text, m.then = true, readProfile
			s.parts = append(s.parts, m)
		}
	}
	return s
}

// sanitize has compute-sanitizer watch every kernel, and first runs the program alone.
func (p *plan) sanitize() section {
	s := section{name: "sanitize", parts: []part{p.measurement("exercise", 60*time.Second, "exercise")}}
	sanitizer := tool("compute-sanitizer")
	for _, t := range []string{"memcheck", "racecheck", "synccheck"} {
		if sanitizer == "" {
			s.parts = append(s.parts, part{name: t, limit: 5 * time.Second, command: missing("compute-sanitizer is not installed"), text: true})
			continue
		}
		m := p.measurement(t, 170*time.Second, "exercise")
		m.command = append([]string{sanitizer, "--tool", t, "--error-exitcode", "9", "--print-limit", "200"}, m.command...)
		s.parts = append(s.parts, m)
	}
	return s
}
