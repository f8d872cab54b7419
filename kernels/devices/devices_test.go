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
	t.Setenv("DEBUT_CUDA_DRIVER", "none")
	for name, why := range map[string]string{"": "no GPU: ", "auto": "no GPU: ", "cpu": "asked for"} {
		dev, err := devices.Open(name, devices.Options{Threads: 2})
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
	t.Setenv("DEBUT_CUDA_DRIVER", "none")
	for name, want := range map[string]string{
		"cuda":    "debut doctor",
		"cuda:1":  "debut doctor",
		"cuda:x":  "is not the number of a GPU",
		"cuda:":   "is not the number of a GPU",
		"cuda:-1": "is not the number of a GPU",
		"gpu":     "there are auto, cpu, cuda, cuda:N",
		"cpu:1":   "there are auto, cpu, cuda, cuda:N",
		"CPU":     "there are auto, cpu, cuda, cuda:N",
	} {
		dev, err := devices.Open(name, devices.Options{})
		if err == nil {
			t.Errorf("%q opened %v", name, dev.Info())
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want a message with %q", name, err, want)
		}
		if built := want == "debut doctor"; built != errors.Is(err, kernels.ErrUnsupported) {
			t.Errorf("%q: %v: wraps ErrUnsupported: %v, want %v", name, err, !built, built)
		}
		if wellFormed := devices.Check(name) == nil; wellFormed != (want == "debut doctor") {
			t.Errorf("Check(%q) accepts: %v", name, wellFormed)
		}
	}
	if _, err := devices.Open("cpu", devices.Options{Threads: -1}); err == nil {
		t.Error("a device of -1 threads opened")
	}
}

func TestOpenPassesOnTheLevel(t *testing.T) {
	t.Setenv("DEBUT_CPU", "mmx")
	t.Setenv("DEBUT_CUDA_DRIVER", "none")
	if _, err := devices.Open("auto", devices.Options{Threads: 1}); err == nil || !strings.Contains(err.Error(), "DEBUT_CPU") {
		t.Errorf("DEBUT_CPU=mmx: %v, want an error that names the variable", err)
	}
}

func TestVariable(t *testing.T) {
	t.Setenv(devices.Variable, "cpu")
	dev, err := devices.Open("auto", devices.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close() //nolint:errcheck // Another test sees to that.
	if i := dev.Info(); i.Kind != "cpu" || !strings.Contains(i.Reason, "asked for by "+devices.Variable) {
		t.Errorf("%+v", i)
	}
	t.Setenv(devices.Variable, "gpu")
	if _, err := devices.Open("auto", devices.Options{}); err == nil || !strings.Contains(err.Error(), devices.Variable+": devices: there is no device") {
		t.Errorf("error %v", err)
	}
}

func TestPrecision(t *testing.T) {
	if _, err := devices.Open("cpu", devices.Options{Precision: "fp8"}); err == nil || !strings.Contains(err.Error(), "there are fp32, tf32, bf16") {
		t.Errorf("error %v", err)
	}
}
