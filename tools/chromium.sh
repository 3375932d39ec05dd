#!/usr/bin/env bash
# Prints the path of a Chromium for the browser tests; an empty line means Playwright's own.
# Takes the headless shell, which draws no window and costs half the processor: one that is installed, else
# Debian's, where it may be installed; else any Chromium that is there; else Playwright's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../web"

# A wrapper that only points at a package store answers no --version.
installed() {
	local name path
	for name in chromium chromium-browser google-chrome google-chrome-stable \
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
		"/Applications/Chromium.app/Contents/MacOS/Chromium"; do
		path=$(command -v "$name") || continue
		if "$path" --version >/dev/null 2>&1; then
			echo "$path"
			return
		fi
	done
	return 1
}

# Runs a command as root, without asking for a password.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

may_be_root() {
	[ "$(id -u)" = 0 ] || { command -v sudo && sudo -n true; } >/dev/null 2>&1
}

# Everything below reports to stderr: stdout is the answer.
command -v chromium-headless-shell && exit
if may_be_root && grep -qs '^ID=debian' /etc/os-release; then
	if as_root apt-get update >&2 &&
		as_root apt-get install -y --no-install-recommends chromium-headless-shell >&2; then
		command -v chromium-headless-shell && exit
	fi
fi
installed && exit
if may_be_root && [ "$(uname)" = Linux ]; then
	npx playwright install --with-deps chromium >&2
else
	npx playwright install chromium >&2
fi
echo
