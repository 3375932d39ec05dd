#!/usr/bin/env bash
# Prints the path of a Chromium for the browser tests; an empty line means Playwright's own.
# Takes what is installed; else Debian's package, where it may be installed; else Playwright's.
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

installed && exit

# Everything below reports to stderr: stdout is the answer.
if may_be_root && grep -qs '^ID=debian' /etc/os-release; then
	as_root apt-get update >&2
	as_root apt-get install -y --no-install-recommends chromium >&2
	installed && exit
fi
if may_be_root && [ "$(uname)" = Linux ]; then
	npx playwright install --with-deps chromium >&2
else
	npx playwright install chromium >&2
fi
echo
