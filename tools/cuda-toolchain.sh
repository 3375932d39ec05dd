#!/usr/bin/env bash
# The compiler of the GPU kernels, from PyPI, in target/cuda-toolchain. Only who changes a kernel needs it.
#
#   tools/cuda-toolchain.sh install   brings it (needs Python 3 with venv, and a network)
#   tools/cuda-toolchain.sh run ...   runs a program with its Python
#
# The version is old on purpose: its PTX (ISA 8.4) is read by every driver from the 550 branch on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
home=target/cuda-toolchain
packages=(nvidia-cuda-nvrtc-cu12==12.4.127 nvidia-cuda-nvcc-cu12==12.4.131)

case "${1:-}" in
install)
	[ -e "$home/complete" ] && exit
	python3 -m venv "$home"
	"$home/bin/python" -m pip install --quiet --disable-pip-version-check "${packages[@]}"
	touch "$home/complete"
	;;
run)
	shift
	exec "$home/bin/python" "$@"
	;;
*)
	sed -n '2,8s/^# \{0,1\}//p' "$0"
	exit 2
	;;
esac
