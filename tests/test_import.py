"""Importing the package loads all that files need, and nothing heavy."""

from pathlib import Path

import pytest
from processes import printed_json

import keras_transfer

PACKAGE = Path(keras_transfer.__file__).parent
SCRIPT = """
import json, sys
import keras
before = set(sys.modules)
import keras_transfer
print(json.dumps(sorted(set(sys.modules) - before)))
"""
OPTIONAL = {
    "tensorflow", "tensorflow_datasets", "keras_tuner", "sklearn", "scipy",
    "rich", "matplotlib", "PIL", "torch", "jax",
}  # fmt: skip


@pytest.fixture(scope="module")
def loaded():
    """The modules that `import keras_transfer` adds to those of Keras."""
    return set(printed_json("-c", SCRIPT))


def test_import_loads_no_optional_dependency(loaded):
    assert "keras_transfer" in loaded
    assert not OPTIONAL & {name.split(".")[0] for name in loaded}


def test_import_registers_every_class_that_a_file_may_hold(loaded):
    """Keras finds classes by what was imported, never by their name."""
    registering = [
        path.relative_to(PACKAGE.parent).with_suffix("")
        for path in PACKAGE.rglob("*.py")
        if "@keras.saving.register_keras_serializable" in path.read_text()
    ]
    assert len(registering) > 20
    assert {".".join(path.parts) for path in registering} <= loaded
