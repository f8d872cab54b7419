package devices_test

import (
	"errors"
	"strings"
	"testing"

	"debut/kernels"
	"debut/kernels/devices"
)

func TestOpen(t *testing.T) {
	t.Setenv("DEBUT_CPU", "")
	for name, why := range map[string]string{"": "no CUDA in this build", "auto": "no CUDA in this build", "cpu": "asked for"} {
		dev, err := devices.Open(name, 2)
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		info := dev.Info()
		if info.Kind != "cpu" || info.Threads != 2 || !strings.Contains(info.Reason, why) {
			t.Errorf("%q opened %+v, want a CPU of 2 threads because %q", name, info, why)
		}
		// What wraps the device must not hide its families.
		if _, err := kernels.Family[kernels.DenseAlgebra](dev); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if err := dev.Close(); err != nil {
			t.Errorf("%q: close: %v", name, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, want := range map[string]string{
		"cuda":    "built without CUDA",
		"cuda:1":  "built without CUDA",
		"cuda:x":  "is not the number of a GPU",
		"cuda:":   "is not the number of a GPU",
		"cuda:-1": "is not the number of a GPU",
		"gpu":     "there are auto, cpu, cuda, cuda:N",
		"cpu:1":   "there are auto, cpu, cuda, cuda:N",
		"CPU":     "there are auto, cpu, cuda, cuda:N",
	} {
		dev, err := devices.Open(name, 0)
		if err == nil {
			t.Errorf("%q opened %v", name, dev.Info())
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want a message with %q", name, err, want)
		}
		if built := strings.Contains(want, "built"); built != errors.Is(err, kernels.ErrUnsupported) {
			t.Errorf("%q: %v: wraps ErrUnsupported: %v, want %v", name, err, !built, built)
		}
		if wellFormed := devices.Check(name) == nil; wellFormed != strings.Contains(want, "built") {
			t.Errorf("Check(%q) accepts: %v", name, wellFormed)
		}
	}
	if _, err := devices.Open("cpu", -1); err == nil {
		t.Error("a device of -1 threads opened")
	}
}

func TestOpenPassesOnTheLevel(t *testing.T) {
	t.Setenv("DEBUT_CPU", "mmx")
	if _, err := devices.Open("auto", 1); err == nil || !strings.Contains(err.Error(), "DEBUT_CPU") {
		t.Errorf("DEBUT_CPU=mmx: %v, want an error that names the variable", err)
	}
}

func TestList(t *testing.T) {
	t.Setenv("DEBUT_CPU", "")
	infos, err := devices.List()
	if err != nil {
		t.Fatal(err)
	}
	if len(infos) != 1 || infos[0].Kind != "cpu" || infos[0].Threads < 1 {
		t.Errorf("List: %+v, want the CPU", infos)
	}
}
