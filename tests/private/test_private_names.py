"""Private names of other packages stand in `_private` and nowhere else.

A name is private if it begins with one underscore. Which object an attribute
belongs to cannot be read off the code, so the rule goes by the names:

1. A file outside of `_private` imports nothing from inside other packages.
2. It uses a private attribute only if the package itself defines it outside of
   `_private`, in the body of a class or by `self._name = ...`.
3. It neither uses nor defines a name that `_private` uses of others.

Strings count as attributes in `getattr`, `hasattr`, `setattr` and
`vars(x)[...]`.
"""

import ast
from pathlib import Path

import pytest

pytestmark = pytest.mark.any_backend

PACKAGE = Path(__file__).parents[2] / "keras_transfer"
FILES = sorted(PACKAGE.rglob("*.py"))
ROOM = [path for path in FILES if path.parent.name == "_private"]
OTHERS = [path for path in FILES if path not in ROOM]
INSIDE = (
    "keras.src",
    "tensorflow.python",
    "keras_tuner.src",
    "keras_tuner.engine",
)
BY_NAME = {"getattr", "hasattr", "setattr", "delattr"}


def is_private(name):
    return name.startswith("_") and not name.startswith("__") and name != "_"


def nodes(path):
    return list(ast.walk(ast.parse(path.read_text())))


def imported(path):
    """Yields the modules that a file imports, and what it imports of them."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def string_of(node):
    """The attribute that `getattr(x, "name")` or `vars(x)["name"]` is about."""
    found = None
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in BY_NAME:
        found = node.args[1]
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Call):
        is_vars = getattr(node.value.func, "id", "") == "vars"
        found = node.slice if is_vars else None
    return getattr(found, "value", None)


def used(path):
    """Returns the private attributes that a file reads, writes or asks for."""
    found = [n.attr for n in nodes(path) if isinstance(n, ast.Attribute)]
    found += [string_of(node) for node in nodes(path)]
    return {
        name for name in found if isinstance(name, str) and is_private(name)
    }


def defined(path):
    """Returns the private attributes and methods that a file makes."""
    found = []
    for node in nodes(path):
        if isinstance(node, ast.ClassDef):
            found += [name for each in node.body for name in names_of(each)]
        elif isinstance(getattr(node, "ctx", None), ast.Store):
            on_self = getattr(getattr(node, "value", None), "id", "") == "self"
            found += [node.attr] if on_self else [string_of(node)]
    return {
        name for name in found if isinstance(name, str) and is_private(name)
    }


def names_of(statement):
    """The names that a statement in a module or a class gives a meaning to."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    targets = getattr(
        statement, "targets", [getattr(statement, "target", None)]
    )
    return [each.id for each in targets if isinstance(each, ast.Name)]


# Marks of our own on objects of others: two on an optimizer, and the plan that
# `freezing` leaves on any model.
MARKS = {"_goes_on", "_rate_of_each", "_freeze_state"}
OF_OTHERS = set().union(*map(used, ROOM), *map(defined, ROOM)) - MARKS
OURS = (set().union(*map(defined, OTHERS)) | MARKS) - OF_OTHERS


def test_the_walk_finds_what_there_is():
    assert {"_trainable_variables", "_keras_mask", "_save_trial"} < OF_OTHERS
    assert {"_inputs", "_registry", "_compile_loss"} < OF_OTHERS
    assert {"_paused_at", "_missed"} < OURS
    assert any(
        name.startswith(INSIDE) for path in ROOM for name in imported(path)
    )


@pytest.mark.parametrize(
    "path", OTHERS, ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_private_names_stand_in_one_room(path):
    assert [name for name in imported(path) if name.startswith(INSIDE)] == []
    assert "__internal__" not in path.read_text()
    assert used(path) - OURS == set()
    assert defined(path) & OF_OTHERS == set()


def test_every_name_of_the_room_has_a_probe():
    probes = "".join(
        path.read_text() for path in Path(__file__).parent.glob("test_*.py")
    )
    names = {
        name
        for path in ROOM
        if path.name != "types.py"  # It uses nothing private.
        for statement in ast.parse(path.read_text()).body
        for name in names_of(statement)
        if not is_private(name)
    }
    assert len(names) > 40
    assert {name for name in names if f"private.{name}" not in probes} == set()


def test_the_room_imports_no_optional_package_by_itself():
    for path in ROOM:
        if path.name != "keras_tuner.py":
            found = {name.partition(".")[0] for name in imported(path)}
            assert found.isdisjoint({"tensorflow", "keras_tuner"})
    assert "keras_tuner" not in {
        name.rpartition(".")[2]
        for name in imported(ROOM[0].parent / "__init__.py")
    }
