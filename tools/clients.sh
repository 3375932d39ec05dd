#!/usr/bin/env bash
# Prepares tests/clients: a Python environment and Node.js packages, at their fixed versions. A machine
# without Python 3.11 or newer goes without; `cargo xtask check` then says what it skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../tests/clients"

# Runs a command as root, without asking for a password.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

python_is_new() {
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# Debian keeps the module that makes environments in a package of its own.
make_environment() {
	python3 -m venv .venv 2>/dev/null && return
	rm -rf .venv
	as_root apt-get install -y --no-install-recommends python3-venv >&2
	python3 -m venv .venv
}

if ! cmp -s package-lock.json node_modules/.lookdesk-lock; then
	npm ci
	cp package-lock.json node_modules/.lookdesk-lock
fi

if cmp -s requirements.txt .venv/.lookdesk-requirements; then
	exit
fi
if ! python_is_new; then
	echo "Python 3.11 or newer is missing: its clients are not tested" >&2
	exit
fi
make_environment
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.txt
cp requirements.txt .venv/.lookdesk-requirements
