#!/usr/bin/env bash
# A PostgreSQL for the tests: a cluster of its own in a temporary folder, reached by a socket in it.
#
#   tools/postgres.sh run COMMAND...   start one, run the command with LOOKDESK_TEST_POSTGRES set, stop it
#   tools/postgres.sh find             print the folder of PostgreSQL's programs, or fail
#   tools/postgres.sh install          the same, after installing Debian's package where that may be done
#
# Nothing outside the temporary folder is touched, no port is opened, and no cluster that runs
# already is used.
set -euo pipefail

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

# The newest installed version; Debian keeps the server's programs out of the way.
installed() {
	local folder
	for folder in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) \
		"$(dirname "$(command -v initdb || echo /nowhere/initdb)")" \
		/opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin; do
		if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ] && [ -x "$folder/pg_ctl" ]; then
			echo "$folder"
			return
		fi
	done
	return 1
}

find_programs() {
	installed && return
	echo "PostgreSQL is missing: install the package postgresql" >&2
	return 1
}

install() {
	installed && return
	if may_be_root && grep -qs '^ID=debian' /etc/os-release; then
		as_root apt-get update >&2
		as_root apt-get install -y --no-install-recommends postgresql >&2
	fi
	find_programs
}

# The server refuses to run as root; somebody without rights runs it then.
unprivileged() {
	if [ "$(id -u)" != 0 ]; then
		"$@"
	else
		local somebody=nobody
		id postgres >/dev/null 2>&1 && somebody=postgres
		setpriv --reuid="$somebody" --regid="$(id -g "$somebody")" --clear-groups -- "$@"
	fi
}

run() {
	local programs status=0
	programs=$(find_programs)
	# Sockets have short paths.
	cluster=$(mktemp -d /tmp/lookdesk-pg.XXXXXX)
	chmod 755 "$cluster"
	mkdir "$cluster/data" "$cluster/socket"
	if [ "$(id -u)" = 0 ]; then
		local somebody=nobody
		id postgres >/dev/null 2>&1 && somebody=postgres
		chown -R "$somebody" "$cluster"
	fi
	stop() {
		(cd "$cluster" && unprivileged "$programs/pg_ctl" -D "$cluster/data" -m immediate -w stop >/dev/null 2>&1) || true
		rm -rf "$cluster"
	}
	trap stop EXIT
	trap 'exit 130' INT TERM
	# Tests make and drop many small databases: safety against a power cut would only cost time.
	if ! (
		cd "$cluster"
		unprivileged "$programs/initdb" -D "$cluster/data" -U lookdesk -A trust --no-locale -E UTF8 --no-sync &&
			unprivileged "$programs/pg_ctl" -D "$cluster/data" -w -l "$cluster/data/log" -o \
				"-k $cluster/socket -c listen_addresses='' -c fsync=off -c full_page_writes=off -c max_connections=200" start
	) >"$cluster/started" 2>&1; then
		cat "$cluster/started" "$cluster/data/log" >&2 2>/dev/null || true
		exit 1
	fi
	LOOKDESK_TEST_POSTGRES="postgres://lookdesk@localhost/postgres?host=$cluster/socket" "$@" || status=$?
	exit "$status"
}

case "${1:-}" in
run)
	shift
	run "$@"
	;;
find)
	find_programs
	;;
install)
	install
	;;
*)
	sed -n '2,9p' "${BASH_SOURCE[0]}" >&2
	exit 2
	;;
esac
