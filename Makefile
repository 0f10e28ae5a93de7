# `make demo` and `make test` set up what is missing. Only Python 3.11 or later (with venv) and make must be there.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(BIN)/uv
STAMPS := $(VENV)/.stamps

# The tools of the virtual environment first, so that node, npm and uv are the locked ones wherever they are called from.
export PATH := $(CURDIR)/$(BIN):$(PATH)

# Pyright is the locked one and runs on the locked Node; it must not look for newer ones.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

# What is told to trust the system's certificates too, where what it brings is not enough, as behind a proxy that signs anew.
# uv knows the variable in every version, Node the option from 22.15 on; a file can be named by SSL_CERT_FILE and NODE_EXTRA_CA_CERTS.
trusting = $(1) || { echo "==> Again, with the certificates of this system"; UV_NATIVE_TLS=1 NODE_OPTIONS="$$NODE_OPTIONS --use-system-ca" $(1); }

# As many processes as tests/conftest.py says, each of which takes one file after the other in the order of the tests.
WORKERS := -n auto --dist loadfile --no-loadscope-reorder

# Installs one of the locked packages once more. aws-cdk-lib and aws-cdk.cloud-assembly-schema both bring the file
# aws_cdk/cloud_assembly_schema/__init__.py, and uv, which installs all at once, leaves whichever it wrote last. It must be
# that of aws-cdk-lib: with the other one, what an assembly or a construct holds of these types is an "unknown interface".
again = $(UV) pip install --quiet --no-deps --require-hashes --reinstall-package $(1) -r requirements/dev.txt

.PHONY: help setup demo vpn acceptance leftovers test check style types public-types workflows vulnerabilities docs bench proof fuzz mutation lock clean
.DELETE_ON_ERROR:

help:  ## show this list (make; at once)
	@echo "All need Python 3.11 or later with venv, and make; the first one fetches packages. Durations are estimates for two cores."
	@sed -n 's/^\([a-z]*\):.*  ## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: $(STAMPS)/project node_modules/.package-lock.json  ## install everything the other targets need (network; 2 minutes the first time)

demo: setup  ## deploy the handler to a local emulator and watch it decide (Linux or macOS; a minute)
	@$(BIN)/python -m local_aws.demo

# It needs root: `make setup`, then `sudo make vpn`.
vpn: setup  ## connect real OpenVPN clients to a real server before the deployed handler, and cut them (Linux, root, openvpn; 2 minutes)
	@$(BIN)/python -m local_aws.vpn.show $(VPN_ARGS)

# Where and how: PROFILE and REGION of a sandbox account, or HERE=1; YES=1 does not ask; REPORT names a file for the report as JSON.
IN_ACCOUNT = $(if $(PROFILE),--profile "$(PROFILE)") $(if $(REGION),--region "$(REGION)") $(if $(YES),--yes)

acceptance: setup  ## try what the documentation says of AWS, in a sandbox account: PROFILE=... REGION=... (an account, openvpn; an hour or two, half a dollar)
	@$(BIN)/python -m acceptance run $(if $(HERE),--here) $(IN_ACCOUNT) $(if $(REPORT),--json "$(REPORT)")

leftovers: setup  ## find and remove what a stopped `make acceptance` has left: PROFILE=... REGION=... (an account; minutes)
	@$(BIN)/python -m acceptance leftovers $(IN_ACCOUNT)

test: $(if $(CI),check) setup  ## run all tests (and `make check` first where CI is set) (Linux for those that deploy; 12 minutes)
	@echo "==> Running the tests, the end-to-end deployment among them"
	@$(BIN)/pytest $(WORKERS) $(PYTEST_ARGS)

# All at once, because some wait for the network. Where the tests follow, they build the site, as strictly.
check: setup  ## lint, formatting, types, documentation and known vulnerabilities (network; 3 minutes)
	@$(MAKE) --no-print-directory --jobs=4 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) \
		style types public-types workflows vulnerabilities $(if $(CI),,docs)

style: setup
	@echo "==> Checking style"
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@echo "==> Counting phrases that are hard to read"
	@$(BIN)/python -m proof.prose
	@echo "==> Checking which packages import which"
	@$(BIN)/lint-imports --no-cache

types: setup
	@echo "==> Checking types"
	@$(BIN)/mypy

public-types: setup
	@for package in client_connect client_connect_tools cdk_client_connect; do \
		echo "==> Checking that the public types of $$package are complete"; \
		$(BIN)/pyright --verifytypes $$package --ignoreexternal || exit 1; \
	done

workflows: setup
	@echo "==> Checking the workflows"
	@$(BIN)/zizmor --offline --quiet --no-progress .github

vulnerabilities: setup
	@echo "==> Asking whether what is locked has known vulnerabilities"
	@$(BIN)/python -m proof.supply_chain.audit $(AUDIT_ARGS)

docs: setup  ## build the documentation site into site/, with warnings as errors (any system; a minute)
	@echo "==> Building the documentation"
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: setup $(STAMPS)/proof  ## measure, and renew the table and the plot of docs/performance.md (Linux; a quarter of an hour)
	@$(BIN)/python -m proof.benchmarks $(BENCHMARKS)

# A test may take long here, as no other does.
proof: setup  ## try twenty times as many cases of each property as `make test` does (Linux; an hour or more)
	@$(BIN)/pytest $(WORKERS) --hypothesis-profile=proof -m "hypothesis or proof" --timeout=3600 $(PYTEST_ARGS)

fuzz: setup $(STAMPS)/proof  ## send a million events of every shape to the handler, and compare 100,000 decisions with Cedar's own (Linux; minutes to an hour)
	@$(BIN)/python -m proof.differential $(CASES)
	@$(BIN)/python -m proof.fuzz $(EVENTS)

mutation: setup $(STAMPS)/proof  ## change the runtime line by line, and tell which changes no test notices (Linux; half an hour and more)
	@$(BIN)/python -m proof.mutation --jobs 2 $(MODULES)

# `make lock UV_LOCK_FLAGS=--upgrade` moves to the newest versions.
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url $(UV_LOCK_FLAGS)
lock: setup  ## recompile all locks after a change of the requirements (network; a minute)
	@echo "==> Locking"
	@$(COMPILE) --custom-compile-command "make lock" pyproject.toml requirements/dev.in --output-file requirements/dev.txt
	@$(COMPILE) --custom-compile-command "make lock" --constraint requirements/dev.txt \
		requirements/bootstrap.in --output-file requirements/bootstrap.txt
	@$(COMPILE) --custom-compile-command "make lock" --constraint requirements/dev.txt \
		requirements/build.in --output-file requirements/build.txt
	@$(COMPILE) --custom-compile-command "make lock" --constraint requirements/dev.txt \
		requirements/proof.in --output-file requirements/proof.txt
	@$(COMPILE) --no-header --no-annotate lib/client_connect_tools/bundling/bundle.in --output-file lib/client_connect_tools/bundling/bundle.txt
	@$(BIN)/python -m proof.supply_chain.records
	@npm install --package-lock-only

clean:  ## remove everything that make and the tools made (any system; at once)
	rm -rf $(VENV) node_modules build dist site cdk.out .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Set-up, in the order it happens. Each stamp is renewed only when what it was made from has changed.

$(STAMPS)/uv: requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'make: "$(PYTHON)" is missing or older than Python 3.11; name another one: make PYTHON=python3.13'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
		echo 'make: "$(PYTHON)" comes without venv; install it (on Debian and Ubuntu: apt-get install python3-venv)'; exit 1; }
	@echo "==> Creating the virtual environment $(VENV)"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { rm -rf $(VENV) && $(PYTHON) -m venv $(VENV); }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/requirements: requirements/dev.txt $(STAMPS)/uv
	@echo "==> Installing the locked Python packages (about a minute the first time)"
	@$(call trusting,$(UV) pip sync --quiet --require-hashes requirements/dev.txt)
	@$(call trusting,$(call again,aws-cdk-lib))
	@touch $@

# Editable: the tests, the checks and the demo see the sources as they are.
$(STAMPS)/project: pyproject.toml $(STAMPS)/requirements
	@$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMPS)/proof: requirements/proof.txt $(STAMPS)/project
	@echo "==> Installing what the product is compared with, and the tools that try to break it"
	@$(call trusting,$(UV) pip install --quiet --require-hashes -r requirements/proof.txt)
	@touch $@

node_modules/.package-lock.json: package.json package-lock.json .npmrc | $(STAMPS)/requirements
	@echo "==> Installing the CDK command line"
	@$(call trusting,npm ci --no-audit --no-fund)
	@touch $@
