#!/usr/bin/env bash
# Tests and measures on a GPU host, from programs that were built elsewhere ("make gpu-check-build"): no Go, no network. Each part has
# a limit of time, and what fails does not stop the rest. All in all less than 10 minutes.
#
#   bash bench/gpucheck/run.sh [RESULTS]
#
# RESULTS is a folder for results and logs, by default $OUT, else .gpu-check/results. GPU_CHECK_EMULATED=1 tries the script itself where there is
# no GPU: DEBUT_CUDA_DRIVER and DEBUT_CUBLAS then name the emulated libraries, and everything is small.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
built="$root/.gpu-check"
out=${1:-${OUT:-$built/results}}
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -xJf "$built/programs.tar.xz" -C "$work" || { echo 'build first: make gpu-check-build' >&2; exit 1; }
version=$(cat "$work/version")
small=()
selection='.'
if [[ ${GPU_CHECK_EMULATED:-} == 1 ]]; then
	small=(-small -seconds 0.1)
	selection='Conformance/(device|reduction)|Guard|Uploads'
fi
export DEBUT_TEST_GPU=1

failed=()
# part NAME SECONDS COMMAND… runs a part and keeps what it says.
part() {
	local name=$1 limit=$2 start=$SECONDS
	shift 2
	printf '=== %s\n' "$name"
	if timeout "$limit" "$@" >"$out/$name.log" 2>&1; then
		printf 'passed in %d s\n' $((SECONDS - start))
	else
		failed+=("$name ($?)")
		printf 'FAILED after %d s; %s\n' $((SECONDS - start)) "$out/$name.log"
		tail -n 20 "$out/$name.log"
	fi
}

command -v nvidia-smi >/dev/null && nvidia-smi | tee "$out/nvidia-smi.log"
cd "$root/kernels/cuda" || exit 1 # where tests find their files
part kernels 120 "$work/kernels.test" -test.v -test.run "$selection"
part launches 30 "$work/kernels.test" -test.run none -test.bench Launch
cd "$root/engine" || exit 1
part engine 120 "$work/engine.test" -test.v -test.run 'GPU'
cd "$root" || exit 1
if command -v compute-sanitizer >/dev/null; then
	cd "$root/kernels/cuda" || exit 1
	part memcheck 150 compute-sanitizer --tool memcheck --error-exitcode 9 "$work/kernels.test" -test.short -test.run 'Conformance|Guard|Uploads'
	part racecheck 120 compute-sanitizer --tool racecheck --error-exitcode 9 "$work/kernels.test" -test.short -test.run 'Conformance/(dense|reduction|loss|embedding)'
	cd "$root" || exit 1
else
	echo 'compute-sanitizer is not installed: memory and races were not checked'
fi
part bench 270 "$work/gpucheck" -out "$out" -version "$version" ${small[@]+"${small[@]}"}

if ((${#failed[@]})); then
	printf 'failed: %s\n' "${failed[@]}"
	exit 1
fi
echo "all passed; results in $out"
