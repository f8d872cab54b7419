//go:build !(gpu && cgo && linux && (amd64 || arm64))

package cuda

// Built says whether this build can use GPUs.
const Built = false

// noSupport is why this build finds no GPU.
const noSupport = "this build has no CUDA support; build with -tags gpu, which takes Linux on amd64 or arm64, and cgo"

// Probe says what GPUs the machine has and which can be used. In this build it finds none, and says why.
func Probe() Report {
	return Look()
}

// Look says the same.
func Look() Report {
	return Report{Devices: []GPU{}, Reason: noSupport}
}
