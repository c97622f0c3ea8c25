# Two commands do everything: `make book` and `make test`. Both set up what they need.

PYTHON ?= python3
PROFILE ?= smoke
JOBS ?= 2
BIN := .venv/bin

.PHONY: book repository site test bench chapter slides handout determinism chromium lint format clean

book: .venv/ready
	$(BIN)/labelbook run --profile book --jobs $(JOBS)
	$(MAKE) --no-print-directory site

site: .venv/ready
	$(BIN)/python book/build_site.py

test: .venv/ready chromium lint
	$(BIN)/python -m pytest

# Times everything beside something, which the tests do not; ten minutes. Writes data/results/benchmarks.json, and so a page.
bench: .venv/ready
	$(BIN)/python -m pytest tests/benchmarks/bench.py --benchmark-columns=median,iqr,rounds

chapter: .venv/ready
	@test -n "$(NAME)" || { echo "Say which: make chapter NAME=nacl PROFILE=smoke (the names: $(BIN)/labelbook list)"; exit 2; }
	$(BIN)/labelbook run $(NAME) --profile $(PROFILE) --force

# For a lecture: _build/slides/NAME.html, and the chapter without its solutions in _build/handout/NAME.ipynb.
slides handout: .venv/ready
	@test -n "$(NAME)" || { echo "Say which: make $@ NAME=nacl (the names: $(BIN)/labelbook list)"; exit 2; }
	$(BIN)/labelbook $@ $(NAME)

# Where the book lives: make repository URL=https://github.com/you/your-fork
repository: .venv/ready
	$(BIN)/python book/repository.py $(URL)

# Each chapter (or NAME) twice on the same seeds, once on others: the scores must be the same, and others.
determinism: .venv/ready
	$(BIN)/labelbook determinism $(NAME) --jobs $(JOBS) --seconds 300

lint: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The tests open the site in a real browser.
chromium:
	@command -v chromium >/dev/null || \
	{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium >/dev/null; } || \
	{ echo "The tests of the site need Chromium: sudo apt-get install chromium"; exit 1; }

# Debian's Python comes without ensurepip: the environment is made without pip, and this machine's pip fills it.
.venv/ready: requirements.txt constraints.txt pyproject.toml hatch_build.py
	$(PYTHON) -m venv --without-pip .venv
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check -r requirements.txt
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

clean:
	rm -rf _build build dist book/generated parts .ruff_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
