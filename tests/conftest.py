"""One smoke run of all chapters, shared by the tests that look at it."""

import json
import os
import subprocess
import sys

import pytest
from common import ROOT, RUNNABLE


@pytest.fixture(scope="session")
def smoke(tmp_path_factory):
    """Runs all chapters once in `smoke`, by the command line a reader would use; gives the record of each by slug."""
    folder = tmp_path_factory.mktemp("results")
    # Budgets are CPU-seconds and have a test of their own; a busy machine may take its time.
    command = [sys.executable, "-m", "labelbook", "run", "--profile", "smoke", "--jobs", "2", "--force"]
    command += ["--seconds", "300"]
    environment = {**os.environ, "LABELBOOK_RESULTS": str(folder)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
    return {slug: json.loads((folder / "smoke" / f"{slug}.json").read_text()) for slug in RUNNABLE}
