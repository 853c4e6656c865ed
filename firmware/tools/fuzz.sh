#!/bin/sh
# fuzz.sh BUILD SECONDS JOBS: runs each libFuzzer harness for that long, JOBS at a time, from its corpus in the tree. New
# inputs and findings stay in BUILD.
set -eu
cd "$(dirname "$0")/.."
if [ $# -eq 3 ]; then
    for harness in "$1"/fuzz_*; do
        [ ! -f "$harness" ] || [ ! -x "$harness" ] || printf '%s\0' "$harness"
    done | xargs -0 -n 1 -P "$3" tools/fuzz.sh "$1" "$2" "$3"
    exit
fi
name=${4##*/fuzz_}
mkdir -p "$1/corpus/$name" "fuzz/corpus/$name"
log="$1/$name.log"
if ! "$4" -max_total_time="$2" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
    -artifact_prefix="$1/$name-" "$1/corpus/$name" "fuzz/corpus/$name" >"$log" 2>&1; then
    tail -60 "$log"
    exit 255 # xargs starts no other
fi
echo "fuzz $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs in $2 s, nothing found"
