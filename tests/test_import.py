"""Importing the package loads nothing heavy, and adds little time."""

import json
import subprocess
import sys

SCRIPT = """
import json, sys, time
import keras
before = set(sys.modules)
started = time.perf_counter()
import keras_transfer
seconds = time.perf_counter() - started
new = {name.split(".")[0] for name in set(sys.modules) - before}
print(json.dumps([seconds, sorted(new)]))
"""
OPTIONAL = {
    "tensorflow", "tensorflow_datasets", "keras_tuner", "sklearn", "scipy",
    "rich", "matplotlib", "PIL", "jinja2", "torch", "jax",
}  # fmt: skip


def test_import_loads_no_optional_dependency():
    outcome = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True
    )
    _, new = json.loads(outcome.stdout.splitlines()[-1])
    assert "keras_transfer" in new
    assert not OPTIONAL & set(new)
