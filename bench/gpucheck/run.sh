#!/usr/bin/env bash
# Tests and measures on a GPU host, from programs that were built elsewhere ("make gpu-check-build"): no Go, no network. It lies in the
# folder with those programs and what they read, which may be carried anywhere.
#
#   bash .gpu-check/run.sh [all|tests|bench|peers|profile|sanitize] [RESULTS]
#
# all       environment, correctness, our figures, tests, PyTorch's figures, tests without cuBLAS: in under nine minutes
# tests     environment, correctness, tests            bench     environment, our figures
# peers     our steps and PyTorch's                    profile   a step under Nsight Compute
# sanitize  every kernel under compute-sanitizer: memcheck, racecheck, synccheck
#
# RESULTS is a folder for results.jsonl, table.md and logs.tar.gz, by default $OUT, else the folder results beside this file. The table is
# printed last. GPU_CHECK_LIMIT is how long it may take, such as 530s. GPU_CHECK_EMULATED=1 tries it where there is no GPU, with small cases:
# DEBUT_CUDA_DRIVER and DEBUT_CUBLAS then name the emulated libraries; within the repository they are found, or built, without.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[[ -x $here/gpucheck ]] || { echo 'build first: make gpu-check-build; then run .gpu-check/run.sh' >&2; exit 1; }
seconds=1.5
[[ ${GPU_CHECK_EMULATED:-} != 1 ]] || seconds=0.1
# exec: signals go to the program, which ends with what it has come to.
exec "$here/gpucheck" -out "${2:-${OUT:-$here/results}}" -version "$(cat "$here/version")" -seconds "$seconds" -limit "${GPU_CHECK_LIMIT:-530s}" "${1:-all}"
