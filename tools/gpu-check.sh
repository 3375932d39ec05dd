#!/usr/bin/env bash
# Everything that only a machine with an NVIDIA GPU can show, in two halves, because that machine need not have Rust.
#
#   tools/gpu-check.sh pack         builds the program and the tests that look for a GPU into target/gpu-check
#   tools/gpu-check.sh run [OUT]    there: tests, memory checks, figures; everything said goes to OUT (gpu-check-out)
#
# The tests look for golden/ where they were built; on another machine `run` points that place at this checkout.
# Nothing is fetched.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
home=target/gpu-check

# Path of the newest executable of a test or benchmark of a crate.
built() {
	cargo "$1" --release --locked -p "$2" "--$1" "$3" --no-run --message-format=json |
		sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1
}

# Runs one thing, keeps what it says, and goes on whatever comes of it.
part() {
	local name=$1
	shift
	echo "== $name"
	if "$@" >"$out/$name.log" 2>&1; then echo "   passed"; else
		echo "   failed ($?), see $name.log"
		failed+=("$name")
	fi
}

case "${1:-}" in
pack)
	set -e
	mkdir -p "$home"
	cargo build --release --locked
	cp target/release/lookdesk "$home/lookdesk"
	cp "$(built test cuda op_suite)" "$home/op_suite"
	cp "$(built bench cuda roofline)" "$home/roofline"
	cp "$(built test model golden_towers)" "$home/golden_towers"
	cp "$(built test engine golden_answers)" "$home/golden_answers"
	strip "$home"/*
	pwd >"$home/built-in"
	du -ch "$home"/*
	;;
run)
	root=$PWD
	out=${2:-gpu-check-out}
	mkdir -p "$out"
	out=$(cd "$out" && pwd)
	failed=()
	bin=$root/$home
	gpu=of_this_machine
	place=$(cat "$bin/built-in")
	[ -e "$place" ] || { mkdir -p "$(dirname "$place")" && ln -s "$root" "$place"; }
	part device nvidia-smi
	part doctor "$bin/lookdesk" doctor
	part op_suite "$bin/op_suite" --nocapture "$gpu"
	part golden_towers "$bin/golden_towers" --nocapture "$gpu"
	part golden_answers "$bin/golden_answers" --nocapture "$gpu"
	if command -v compute-sanitizer >/dev/null; then
		for tool in memcheck racecheck synccheck initcheck; do
			part "$tool" compute-sanitizer --tool "$tool" --error-exitcode 9 "$bin/op_suite" --nocapture "$gpu"
		done
	else
		echo "skipped: compute-sanitizer is not there"
	fi
	part roofline "$bin/roofline"
	for precision in bf16 q8 q4; do
		part "bench-$precision" "$bin/lookdesk" bench --random-weights 4b --device cuda --precision "$precision" --repeat 5 --max-tokens 128 --profile
	done
	part together "$bin/lookdesk" bench --random-weights 4b --device cuda --precision bf16 --concurrent 8 --max-tokens 128
	if [ ${#failed[@]} -gt 0 ]; then
		echo "failed: ${failed[*]}"
		exit 1
	fi
	;;
*)
	sed -n '2,9s/^# \{0,1\}//p' "$0"
	exit 2
	;;
esac
