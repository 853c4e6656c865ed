#!/bin/sh
# fuzz.sh BUILD SECONDS: runs each libFuzzer harness for that long, from its corpus in the tree. New inputs
# and findings stay in BUILD.
set -eu
cd "$(dirname "$0")/.."
for harness in "$1"/fuzz_*; do
    [ -f "$harness" ] && [ -x "$harness" ] || continue
    name=${harness##*/fuzz_}
    mkdir -p "$1/corpus/$name" "fuzz/corpus/$name"
    log="$1/$name.log"
    if ! "$harness" -max_total_time="$2" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$1/$name-" "$1/corpus/$name" "fuzz/corpus/$name" >"$log" 2>&1; then
        tail -60 "$log"
        exit 1
    fi
    echo "fuzz $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs in $2 s, nothing found"
done
