"""Importing the package loads nothing heavy."""

from processes import printed_json

SCRIPT = """
import json, sys
import keras
before = set(sys.modules)
import keras_transfer
new = {name.split(".")[0] for name in set(sys.modules) - before}
print(json.dumps(sorted(new)))
"""
OPTIONAL = {
    "tensorflow", "tensorflow_datasets", "keras_tuner", "sklearn", "scipy",
    "rich", "matplotlib", "PIL", "torch", "jax",
}  # fmt: skip


def test_import_loads_no_optional_dependency():
    new = printed_json("-c", SCRIPT)
    assert "keras_transfer" in new
    assert not OPTIONAL & set(new)
