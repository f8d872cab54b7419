package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"debut/kernels/cuda/cudatest"
)

// measured does a measurement in this process and returns what it told.
func measured(t *testing.T, args ...string) []Record {
	t.Helper()
	var out bytes.Buffer
	if err := measure(t.Context(), &out, true, time.Millisecond, args); err != nil {
		t.Errorf("%v: %v", args, err)
	}
	var list []Record
	for lines := json.NewDecoder(&out); ; {
		var r Record
		err := lines.Decode(&r)
		if err == io.EOF {
			return list
		}
		must(t, err)
		list = append(list, r)
	}
}

// Every measurement works on the emulated GPU and tells positive numbers.
func TestMeasurementsOnGPU(t *testing.T) {
	cudatest.Use(t)
	for want, args := range map[string][]string{
		"seconds_to_open":           {"opening"},
		"gbyte_per_second":          {"ceilings"},
		"gflop_per_second":          {"products", "bf16", "32x24x16.nt"},
		"difference_of_loss":        {"losses", "8-4-1", "fp32", "16"},
		"gpu_microseconds_per_step": {"step", "8-4-1", "tf32", "16"},
		"rows_per_second":           {"step", "8-4-1", "cpu", "16"},
		"microseconds":              {"kernels", "8-4-1", "fp32", "16"},
		"plan_microseconds":         {"tables", "500", "16", "3"},
	} {
		found := false
		for _, r := range measured(t, args...) {
			if r.Value == nil {
				continue
			}
			found = found || r.Metric == want
			if !(*r.Value > 0) && r.Metric != "difference_of_loss" && r.Metric != "gflop_per_second" {
				t.Errorf("%v: %s %s is %v", args, r.Case, r.Metric, *r.Value)
			}
		}
		if !found {
			t.Errorf("%v does not tell %s", args, want)
		}
	}
	if list := measured(t, "steps", "8-4-1", "fp32", "16", "3"); len(list) != 0 {
		t.Errorf("steps for a profiler tell %v", list)
	}
}

// Training leaves the same bits, whatever memory held at first.
func TestBitsOnGPU(t *testing.T) {
	cudatest.Use(t)
	var bits []string
	for _, how := range []string{"once", "poisoned"} {
		for _, r := range measured(t, "bits", "8-4-1", "fp32", "16", how) {
			if r.Case == "bits" {
				bits = append(bits, r.Text)
			}
		}
	}
	if len(bits) != 2 || bits[0] != bits[1] || len(bits[0]) != 24 {
		t.Errorf("bits %q", bits)
	}
}

// Runs that leave other bits are found, precision by precision.
func TestSameBits(t *testing.T) {
	c, finish := newCheck(t, time.Minute)
	for _, r := range [][2]string{
		{"bits.fp32.once", "aa"}, {"bits.fp32.twice", "aa"}, {"bits.tf32.once", "aa"}, {"bits.tf32.blocking", "ab"}, {"bits.bf16.once", "aa"},
	} {
		c.records.add(Record{Part: r[0], Case: "bits", Text: r[1]})
	}
	sameBits(c)
	wantEnds(t, finish(), map[string]Status{"equal bits.fp32": passed, "equal bits.tf32": failed, "equal bits.bf16": skipped}, nil)
}

// A measurement tells what it can, and fails at its end.
func TestMeter(t *testing.T) {
	var out bytes.Buffer
	m := &meter{out: json.NewEncoder(&out)}
	m.report("a", "x", math.NaN())
	m.report("b", "x", 2)
	if m.err == nil || !strings.Contains(out.String(), `"value":2`) || !strings.Contains(out.String(), "a x is NaN") {
		t.Errorf("%v: %s", m.err, out.String())
	}
	for _, args := range [][]string{nil, {"nothing"}, {"step"}, {"step", "8-1", "fp32", "x"}, {"products", "cpu", "3"}, {"products"}, {"warm", "8-1"}} {
		if err := measure(t.Context(), io.Discard, true, 0, args); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

// torch is a program that passes for a python3 with PyTorch: of its precisions one fails, and one has another loss.
const torch = `#!/bin/sh
[ "$1" = -c ] && exit 0
echo '{"version": "PyTorch 0"}'
while read word a b; do
	case $word in
	set) [ $b = tf32 ] && echo '{"error": "no TF32"}' || echo '{}'; p=$b;;
	loss) [ $p = fp32 ] && echo '{"loss": 0.5}' || echo '{"loss": 0.9}';;
	run) echo '{"runs": 10, "seconds": 2}';;
	esac
done
`

// The peer's precisions do not cost each other, and neither a peer that fails nor a loss that differs costs our own number.
func TestPeer(t *testing.T) {
	folder := t.TempDir()
	must(t, os.WriteFile(filepath.Join(folder, "python3"), []byte(torch), 0o700))
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	var out bytes.Buffer
	err := measure(t.Context(), &out, true, time.Millisecond, []string{"peer", "graph", "8-4-1", "16"})
	if err == nil || !strings.Contains(err.Error(), "no TF32") {
		t.Errorf("error %v", err)
	}
	c, finish := newCheck(t, time.Minute)
	for line := range strings.Lines(out.String()) {
		c.line(part{name: "peer.graph.16"}, io.Discard, []byte(line))
	}
	for _, precision := range []string{"fp32", "tf32", "bf16"} {
		rows, loss := 160.0, 0.5
		name := fmt.Sprintf("8-4-1 %s 16", precision)
		c.records.add(Record{Part: "step." + precision + ".16", Case: name, Metric: "rows_per_second", Value: &rows})
		c.records.add(Record{Part: "step." + precision + ".16", Case: name, Metric: "loss_after_50_steps", Value: &loss})
	}
	var b strings.Builder
	writeTable(&b, finish())
	for _, want := range []string{
		"| 8-4-1 fp32 16 |  |  | 160 | 80 graph | 2 | 0.5, 0.5 |", "| 8-4-1 tf32 16 |  |  | 160 |  |  | 0.5 |",
		"| 8-4-1 bf16 16 |  |  | 160 | 80 graph | 2 | 0.5, 0.9 DIFFER |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, b.String())
		}
	}
	out.Reset()
	must(t, os.WriteFile(filepath.Join(folder, "python3"), []byte("#!/bin/sh\n[ \"$1\" = -c ] || echo '{\"mode\": \"sparse\", \"rows_per_second\": 80}'\n"), 0o700))
	must(t, measure(t.Context(), &out, true, time.Millisecond, []string{"torch", "500", "16", "3"}))
	c, finish = newCheck(t, time.Minute)
	for line := range strings.Lines(out.String()) {
		c.line(part{name: "torch.16x3"}, io.Discard, []byte(line))
	}
	rows := 160.0
	c.records.add(Record{Part: "tables.16x3", Case: tableCase(500, 16, 3, true), Metric: "rows_per_second", Value: &rows})
	b.Reset()
	writeTable(&b, finish())
	if want := "| 16×3 ids of 500, zipf |  |  |  |  |  |  | 160 | 80 sparse | 2 |"; !strings.Contains(b.String(), want) {
		t.Errorf("the table has no %q:\n%s", want, b.String())
	}
	t.Setenv("PATH", t.TempDir())
	if err := measure(t.Context(), io.Discard, true, 0, []string{"peer", "graph", "8-4-1", "16"}); !isAbsent(err) {
		t.Errorf("without python3: %v", err)
	}
}

// Every subcommand names its parts differently, so that logs and records can be told apart, asks for measurements that exist, and
// reserves less than it may take.
func TestPlan(t *testing.T) {
	for _, small := range []bool{false, true} {
		p := &plan{self: "gpucheck", root: "root", small: small}
		for _, name := range subcommands() {
			sections, err := p.sections(name)
			must(t, err)
			names := map[string]bool{}
			var reserved time.Duration
			for _, s := range sections {
				reserved += s.reserve
				for _, q := range s.parts {
					if names[q.name] || q.limit <= 0 {
						t.Errorf("%s: part %s, limit %v", name, q.name, q.limit)
					}
					names[q.name] = true
					for i, word := range q.command {
						if word == "measure" && measurements[q.command[i+1]] == nil {
							t.Errorf("%s: there is no measurement %s", q.name, q.command[i+1])
						}
					}
				}
			}
			if reserved > 460*time.Second {
				t.Errorf("%s reserves %v", name, reserved)
			}
		}
	}
	if _, err := (&plan{}).sections("nothing"); err == nil {
		t.Error("there is nothing of that name, and no error")
	}
}

// The figures of a profile are those of the last step: from its feed on.
func TestProfileRecords(t *testing.T) {
	const text = `4 steps, the loss is 0.7
==PROF== Connected
"ID","Process ID","Kernel Name","Section Name","Metric Name","Metric Unit","Metric Value","Rule Name"
"0","7","unpack(UnpackArgs)","GPU Speed Of Light Throughput","Duration","nsecond","3,200",""
"1","7","gemm_64_nn(GemmArgs)","GPU Speed Of Light Throughput","Duration","usecond","9",""
"2","7","unpack(UnpackArgs)","GPU Speed Of Light Throughput","Duration","nsecond","1,500",""
"3","7","unpack(UnpackArgs)","GPU Speed Of Light Throughput","Duration","nsecond","2,500",""
"4","7","gemm_64_nn(GemmArgs)","GPU Speed Of Light Throughput","Duration","usecond","8.5",""
"4","7","gemm_64_nn(GemmArgs)","GPU Speed Of Light Throughput","DRAM Throughput","%","41.2",""
"4","7","gemm_64_nn(GemmArgs)","Occupancy","Theoretical Occupancy","%","50",""
`
	list, err := profileRecords(strings.NewReader(text))
	must(t, err)
	var got []string
	for _, r := range list {
		got = append(got, fmt.Sprintf("%s %s %v", r.Case, r.Metric, *r.Value))
	}
	want := "2 unpack microseconds 1.5, 3 unpack microseconds 2.5, 4 gemm_64_nn microseconds 8.5, 4 gemm_64_nn dram_percent 41.2"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
	}
	for _, bad := range []string{"", `"ID","Kernel Name"`} {
		if _, err := profileRecords(strings.NewReader(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
