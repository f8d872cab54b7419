//go:build !(gpu && cgo && linux && (amd64 || arm64))

package cublas

// Find says where cuBLASLt is. In this build it looks for none, and says why.
func Find() Report {
	return Report{Reason: "this build has no CUDA support; build with -tags gpu, which takes Linux on amd64 or arm64, and cgo"}
}
