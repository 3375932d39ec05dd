# The two commands of the README. Each does its own set-up: a machine needs Rust, Node.js and a C
# compiler, nothing else prepared. Where there is Python 3.11, client libraries for it are tested too.
#
#   make run    build everything and serve the desk at http://127.0.0.1:8501
#   make test   check and test everything
#
# `make run ARGS="--model DIR"` passes options on to `lookdesk serve`.

.PHONY: run test tools components clients postgres kernels
.DELETE_ON_ERROR:

ARGS ?=
NODE_IS_NEW := const [a, b] = process.versions.node.split('.').map(Number); \
	process.exit(a > 22 || (a == 22 && b >= 12) || (a == 20 && b >= 19) ? 0 : 1)
NODE_MODULES := web/node_modules/.package-lock.json
PAGE := web/dist/index.html
PAGE_SOURCES := $(shell find web/src web/public web/mock -type f 2>/dev/null) \
	$(wildcard web/*.html web/*.json web/*.js web/*.ts)

run: tools $(PAGE)
	cargo build --release --locked
	target/release/lookdesk serve $(ARGS)

# What is checked, and in which order, stands in xtask/src/check.rs.
test: tools components clients postgres kernels $(PAGE)
	CHROMIUM="$$(tools/chromium.sh)" && export CHROMIUM && \
		cargo xtask check

$(PAGE): $(NODE_MODULES) $(PAGE_SOURCES)
	cd web && npm run build

$(NODE_MODULES): web/package.json web/package-lock.json
	cd web && npm ci
	touch $@

# Client libraries that others wrote, to test against.
clients: tools
	tools/clients.sh

# The records are tested on both of their databases, where the second can be had.
postgres:
	@tools/postgres.sh install >/dev/null || echo "tests of the records on PostgreSQL will be skipped" >&2

# The GPU kernels are compiled again and compared with what is shipped, where their compiler can be had. The tests
# run them on the processor, for which they are compiled as C++.
kernels:
	@command -v c++ >/dev/null || { echo "a C++ compiler is missing: apt-get install g++, or xcode-select --install" >&2; exit 1; }
	@tools/cuda-toolchain.sh install >/dev/null 2>&1 || echo "the check of the GPU kernels will be skipped" >&2

# A minimal Rust comes without these two.
components:
	@cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
	@cargo clippy --version >/dev/null 2>&1 || rustup component add clippy

# What set-up cannot bring itself is asked for in words.
tools:
	@command -v cargo >/dev/null || { echo "Rust is missing: https://rustup.rs" >&2; exit 1; }
	@command -v npm >/dev/null && node -e "$(NODE_IS_NEW)" || { echo "Node.js 20.19 or 22.12 or newer is missing: https://nodejs.org" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "a C compiler is missing: apt-get install gcc, or xcode-select --install" >&2; exit 1; }
