# Sums up what "ptxas -v" prints for one architecture, given as arch: the most registers and shared memory that a kernel
# takes, and the kernels that spill registers. It fails on errors and where there are no kernels.
/Compiling entry function/ { split($0, quoted, "'"); kernel = quoted[2] }
/bytes spill stores/ { if ($5 + $9) spilled = spilled sprintf("  %s spills: %d bytes stored, %d loaded\n", kernel, $5, $9) }
/: Used [0-9]+ registers/ {
	kernels++
	for (i = 2; i <= NF; i++) {
		if ($i ~ /^registers/ && $(i - 1) > registers) { registers = $(i - 1); most = kernel }
		if ($i ~ /^smem/ && $(i - 2) > shared) { shared = $(i - 2); widest = kernel }
	}
}
/(error|fatal) *:/ { print; failed = 1 }
END {
	printf "ptxas %s: %d kernels, at most %d registers (%s) and %d bytes of shared memory (%s)\n%s", arch, kernels, registers, most, shared, widest, spilled
	exit failed || !kernels
}
