"""Runs the Python snippets of the README and the documentation as tests."""

import gc
import os
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

# Tracing makes and keeps many objects: looking for garbage among them every 700
# took a sixth of the time of the tests.
gc.set_threshold(50_000, 20, 20)

WEIGHTS = Path(__file__).parent.parent / "shared" / "keras_home"
if WEIGHTS.is_dir():
    os.environ.setdefault("KERAS_HOME", str(WEIGHTS))


@pytest.fixture(scope="module")
def in_empty_folder(tmp_path_factory):
    """Snippets write into a folder of their own, not into the project."""
    gc.freeze()  # KerasTuner collects often: let it pass over what stays.
    before = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("snippets"))
    yield
    os.chdir(before)


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    patterns=["README.md", "docs/*.md"],
    fixtures=["in_empty_folder"],
    setup=lambda namespace: namespace.update(WEIGHTS=WEIGHTS),
).pytest()
