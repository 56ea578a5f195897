"""Every public function says what it takes and what it returns."""

import ast
import importlib
import inspect
import textwrap
from typing import Any

import pytest

import keras_transfer

pytestmark = pytest.mark.any_backend

ROOMS = (
    "backbones",
    "callbacks",
    "data",
    "feature_cache",
    "graph",
    "layers",
    "losses",
    "models",
    "recipes",
    "recipes.assessment",
    "serving",
    "storage",
    "training",
    "transferability",
    "tuner",
)


def public_names():
    """Yields `(name, object)` of the package and of each room."""
    for name in dir(keras_transfer):
        if not name.startswith("_"):
            yield name, getattr(keras_transfer, name)
    for room in ROOMS:
        module = importlib.import_module(f"keras_transfer.{room}")
        for name in getattr(module, "__all__", dir(module)):
            if not name.startswith("_"):
                yield f"{room}.{name}", getattr(module, name)


def is_ours(found):
    module = getattr(found, "__module__", "") or ""
    return callable(found) and module.startswith("keras_transfer")


def functions_of(name, found):
    """Yields a function, or the public methods of a class, with names."""
    if not inspect.isclass(found):
        yield name, found
        return
    members = [item for kind in found.__mro__ for item in vars(kind).items()]
    for own, method in members:
        method = getattr(method, "__func__", getattr(method, "fget", method))
        is_public = not own.startswith("_") or own == "__init__"
        if is_public and inspect.isfunction(method) and is_ours(method):
            yield f"{name}.{own}", method


def public_functions():
    return {
        name: function
        for path, found in public_names()
        if is_ours(found)
        for name, function in functions_of(path, found)
        # What `dataclasses` writes has no file of its own.
        if not function.__code__.co_filename.startswith("<")
    }


def untyped(function):
    """Returns the arguments without a type, and `return` where it has none.

    As written: `Any` by a name of its own, such as `Tensor`, is a type.
    """
    source = textwrap.dedent(inspect.getsource(function))
    node = ast.parse(source).body[0]
    given = node.args
    found = [
        each.arg
        for number, each in enumerate([*given.posonlyargs, *given.args])
        if not is_type(each.annotation)
        and not (number == 0 and each.arg in ("self", "cls"))
    ]
    found += [a.arg for a in given.kwonlyargs if not is_type(a.annotation)]
    # `**kwargs` that go on to Keras are whatever Keras takes.
    stars = [each for each in (given.vararg, given.kwarg) if each]
    found += [each.arg for each in stars if each.annotation is None]
    if node.name != "__init__" and not is_type(node.returns):
        found.append("return")
    return found


def is_type(annotation):
    return annotation is not None and ast.unparse(annotation) != "Any"


def test_there_are_public_functions():
    found = public_functions()
    assert len(found) > 150
    assert {"freeze", "FreezeAudit.on_epoch_end", "data.load"} <= set(found)


def test_every_public_function_is_typed():
    found = {name: untyped(f) for name, f in public_functions().items()}
    assert {name: what for name, what in found.items() if what} == {}


def test_untyped_functions_are_found():
    def bare(x, y: int = 1, *, z=2, **options: Any): ...

    def whole(x: int | None, **options: Any) -> None: ...

    def anything(x: Any) -> Any: ...

    assert untyped(bare) == ["x", "z", "return"]
    assert untyped(whole) == []
    assert untyped(anything) == ["x", "return"]
