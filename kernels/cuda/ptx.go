//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import _ "embed"

//go:generate go run ./internal/genptx -out kernels.ptx

// ptx is the kernels for the driver's compiler.
//
//go:embed kernels.ptx
var ptx string
