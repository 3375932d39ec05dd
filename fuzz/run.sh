#!/bin/sh
# Fuzzes one target after the other.
#
#   fuzz/run.sh SECONDS [TARGET...]
#
# Needs cargo-fuzz and a nightly compiler. A finding is left under fuzz/artifacts/TARGET.
set -eu
cd "$(dirname "$0")"
seconds=${1:?usage: fuzz/run.sh SECONDS [TARGET...]}
shift
[ $# -gt 0 ] || set -- safetensors_header checkpoint_index config picture tokenizer_input pack

./seed.sh
for target; do
    case $target in
    picture) dictionary=picture longest=65536 ;;
    tokenizer_input) dictionary=text longest=512 ;;
    pack) dictionary=pack longest=8192 ;;
    *) dictionary=json longest=65536 ;;
    esac
    echo "== $target, $seconds s"
    # 256 MB in one piece is more than any input within the targets' limits may ask for.
    cargo +nightly fuzz run "$target" -- -max_total_time="$seconds" -max_len="$longest" -timeout=20 \
        -rss_limit_mb=3072 -malloc_limit_mb=256 -dict="dictionaries/$dictionary.dict" \
        -print_final_stats=1
done
