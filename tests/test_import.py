"""Importing the package loads all that files need, and nothing heavy."""

import ast
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


def imported_for_type_checkers():
    """The names that the `TYPE_CHECKING` block of the package imports."""
    tree = ast.parse(Path(keras_transfer.__file__).read_text())
    block = next(
        node
        for node in tree.body
        if isinstance(node, ast.If)
        and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    return {alias.name for each in block.body for alias in each.names}


@pytest.mark.any_backend
def test_every_list_of_public_names_has_the_same():
    at_once, lazy = keras_transfer._AT_ONCE, keras_transfer._LAZY
    assert "TransferModel" in at_once and "fine_tune" in lazy
    assert not set(at_once) & set(lazy)
    names = {*at_once, *lazy}
    assert imported_for_type_checkers() == names
    assert {*names, "__version__"} == set(keras_transfer.__all__)
    assert dir(keras_transfer) == sorted(keras_transfer.__all__)
    for name in names:
        assert getattr(keras_transfer, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'importlib2'"):
        keras_transfer.importlib2  # noqa: B018


@pytest.mark.any_backend
@pytest.mark.parametrize("name", ["train.py", "keras-transfer.py"])
def test_a_script_of_the_user_gets_every_class(tmp_path, name):
    script = tmp_path / name
    script.write_text(SCRIPT)
    assert "keras_transfer.models" in set(printed_json(script))
