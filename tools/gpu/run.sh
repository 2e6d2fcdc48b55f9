#!/usr/bin/env bash
# Everything that only a GPU can prove, on a machine with nothing but torch and a clone of this
# project; no network. See docs/gpu.md.
#
#     bash tools/gpu/run.sh [--rehearse] [STAGE...]
#
# Stages, the most valuable first; without names all of them run:
#     tests     units, laws and recordings with their tensors on the GPU; CPU and GPU agree
#     bench     times, memory and precision
#     faults    too large a batch, killed runs, two processes on one card
#     train     a network of portraits, continued from RESUME if that is set
#     evidence  the quality of the samplers on thousands of images
# --rehearse runs them without a GPU, at small sizes; the tests then use an imitated device.
#
# OUT      folder for the results, default runs/gpu; written as they come
# BUDGET   seconds of each stage, such as "tests=120 train=500"
# ONLY     names of benchmarks for bench, default gpu
# RESUME   OUT of an earlier run, whose training continues
# PYTHON   default python3
set -uo pipefail
cd "$(dirname "$0")/../.."

OUT=${OUT:-runs/gpu}
PYTHON=${PYTHON:-python3}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)
# Plugins of other packages take seconds to load; the tests need none.
export PYTEST_DISABLE_PLUGIN_AUTOLOAD=1

declare -A budget=([tests]=300 [bench]=270 [faults]=150 [train]=540 [evidence]=540)
DEVICE=cuda IMITATED=cuda SMALL= ALSO="--ignore tests/robustness/test_gpu.py"
if [ "${1:-}" = --rehearse ]; then
    shift
    DEVICE=cpu IMITATED=imitated SMALL=1 ALSO=
    budget=([tests]=1800 [bench]=900 [faults]=900 [train]=300 [evidence]=600)
fi
for setting in ${BUDGET:-}; do budget[${setting%%=*}]=${setting#*=}; done
stages=("$@")
[ ${#stages[@]} -gt 0 ] || stages=(tests bench faults train evidence)

# Run a command of a stage within its budget, and copy what it prints to the log.
run() {
    echo "\$ $*" >>"$OUT/log.txt"
    timeout --signal=INT --kill-after=15 "$left" "$@" 2>&1 | tee -a "$OUT/log.txt"
    local status=${PIPESTATUS[0]}
    left=$((left - SECONDS + began)) began=$SECONDS
    [ "$left" -gt 0 ] || left=1
    return "$status"
}

# Print how many of so many seconds a command may work; in the rest it saves and ends.
most() { echo $(($1 * 17 / 20 + 1)); }

# Pack files of WORK, named by patterns, into pieces of OUT that are small enough to be sent on.
pack() {
    local name=$1
    shift
    # shellcheck disable=SC2048,SC2086 # the patterns are expanded in WORK
    (cd "$WORK" && shopt -s nullglob && set -- $* && [ $# -gt 0 ] && tar cz "$@") |
        split -b 15M - "$OUT/$name.tgz."
}

# Each half has a share of its own, so that one that takes too long leaves the other its time.
tests() {
    local failed=0 whole=$left
    left=$(((whole + 1) / 2)) # never 0, which is no limit
    run "$PYTHON" -m pytest -q -rN --durations 5 --device "$IMITATED" ${ALSO:+$ALSO} \
        --ignore tests/robustness/test_gpu_faults.py --junitxml "$OUT/tests.xml" || failed=1
    left=$((left + whole - whole / 2))
    run "$PYTHON" -m pytest -q -rN --durations 5 --device "$DEVICE" tests/robustness/test_gpu.py \
        --junitxml "$OUT/agreement.xml" || failed=1
    return $failed
}

bench() {
    # shellcheck disable=SC2086 # ONLY holds several names
    run "$PYTHON" -m pds bench ${SMALL:+--quick} --seconds "$(most "$left")" \
        --json "$OUT/bench.json" --only ${ONLY:-gpu}
}

faults() {
    run "$PYTHON" -m pytest -q --durations 5 --device "$DEVICE" tests/robustness/test_gpu_faults.py \
        --junitxml "$OUT/faults.xml"
}

train() {
    local sizes size status=0 from=() small=(--num-images 12000)
    sizes=$("$PYTHON" -m tools.gpu.summary --sizes)
    if [ -n "$SMALL" ]; then sizes=32 small=(--num-images 64 --iterations 4 --batch-size 4); fi
    local waiting
    waiting=$(wc -w <<<"$sizes")
    for size in $sizes; do
        if [ -n "${RESUME:-}" ]; then cat "$RESUME/train$size.tgz."* | tar xz -C "$WORK"; fi
        [ -n "$SMALL" ] || from=(--start "assets/portraits$((size / 2)).safetensors")
        run "$PYTHON" -m pds train --size "$size" --out "$WORK/train$size" --device "$DEVICE" \
            --bf16 --seconds "$(most $((left / waiting)))" "${small[@]}" \
            "${from[@]}" || status=1
        waiting=$((waiting - 1))
        pack "train$size" "train$size/checkpoint.p[t]" "train$size/*.csv" \
            "train$size/*.safetensors" "train$size/sheet*.png"
    done
    return $status
}

evidence() {
    local models=(portraits32 portraits64) model status=0
    local counts=15,20,25,33,40,50,66,100,200 images=4096 own=4096
    if [ -n "$SMALL" ]; then models=(portraits32) counts=4 images=8 own=100; fi
    local waiting=${#models[@]}
    for model in "${models[@]}"; do
        run "$PYTHON" -m pds evaluate --model "$model" --device "$DEVICE" --out "$WORK/$model" \
            --arms vanilla,pds:5,scalar,tuned,ode-heun --counts $counts --images $images \
            --reference $own --converged-images $own \
            --seconds "$(most $((left / waiting)))" || status=1
        waiting=$((waiting - 1))
        [ ! -f "$WORK/$model/table.csv" ] || cp "$WORK/$model/table.csv" "$OUT/$model.csv"
        pack "$model" "$model/*.csv"
    done
    return $status
}

for stage in "${stages[@]}"; do
    if [ -z "${budget[$stage]:-}" ]; then
        echo "there is no stage $stage; they are tests, bench, faults, train and evidence" >&2
        exit 2
    fi
done
if [ -z "$SMALL" ] && ! "$PYTHON" -c "import sys, torch; sys.exit(not torch.cuda.is_available())"; then
    echo "torch finds no CUDA device here; --rehearse runs what can run without one" >&2
    exit 2
fi
"$PYTHON" -m tools.gpu.summary --machine | tee -a "$OUT/log.txt"
worst=0
for stage in "${stages[@]}"; do
    start=$SECONDS began=$SECONDS left=${budget[$stage]}
    "$stage"
    status=$?
    [ $status -eq 0 ] || worst=1
    echo "== $stage: exit $status after $((SECONDS - start)) s" | tee -a "$OUT/log.txt"
    # Whole or not at all, wherever the machine stops.
    "$PYTHON" -m tools.gpu.summary "$OUT" >"$WORK/summary.md" && mv "$WORK/summary.md" "$OUT/"
done
cat "$OUT/summary.md"
exit $worst
