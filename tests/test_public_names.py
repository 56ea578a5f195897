"""Every public name says what it takes, returns and raises."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import keras_transfer as kt

pytestmark = pytest.mark.any_backend

ROOT = Path(__file__).parents[1]
# Rooms without names for users.
INTERNAL = {"_private", "cli"}
ROOMS = {
    room.name: importlib.import_module(f"keras_transfer.{room.name}")
    for room in pkgutil.iter_modules(kt.__path__)
    if room.ispkg and room.name not in INTERNAL
}
ROOMS["recipes.assessment"] = importlib.import_module(
    "keras_transfer.recipes.assessment"
)
TOP = sorted(
    name
    for name in getattr(kt, "__all__", [*vars(kt), *kt._LAZY])
    if not name.startswith("_") and not inspect.ismodule(getattr(kt, name))
)


def public():
    """Functions and classes by the path that users import them by."""
    found = {f"keras_transfer.{name}": getattr(kt, name) for name in TOP}
    for room, module in ROOMS.items():
        for name in module.__all__:
            thing = getattr(module, name)
            if all(thing is not other for other in found.values()):
                found[f"keras_transfer.{room}.{name}"] = thing
    return found


def own_methods(thing):
    """Public methods that a class adds, or whose arguments it changes."""
    for name, method in in_package(thing).items():
        inner = getattr(method, "__func__", method)
        if name.startswith("_") or not inspect.isfunction(inner):
            continue
        if inner.__doc__ or not of_keras(thing, name):
            yield name, inner


def in_package(thing):
    """What a class and its bases in the package define, by name."""
    found = {}
    for base in reversed(thing.__mro__):
        if base.__module__.startswith("keras_transfer"):
            found |= vars(base)
    return found


def of_keras(thing, name):
    bases = [b for b in thing.__mro__ if b.__module__.startswith("keras.")]
    return any(hasattr(base, name) for base in bases)


PUBLIC = public()
CLASSES = {path: t for path, t in PUBLIC.items() if inspect.isclass(t)}
FUNCTIONS = {path: t for path, t in PUBLIC.items() if inspect.isfunction(t)}
# What Keras calls, and documents.
OF_KERAS = re.compile(
    r"on_(epoch|batch|train|test|predict)_|get_config|from_config|build|call$"
    r"|compute_|get_build_config|build_from_config|save_own_var|load_own_var"
)


def sections(text):
    """The parts of a docstring by title; what comes first has none."""
    parts = re.split(r"(?m)^([A-Z][a-z]+):$", text)
    titles = ["", *parts[1::2]]
    return dict(zip(titles, parts[::2], strict=True))


def entries(section):
    """Names of the entries of `Args:` or `Attributes:`."""
    return re.findall(r"(?m)^    \*{0,2}(\w+)(?: \([^)]*\))?:", section)


def parameters(function):
    return [
        name.lstrip("*")
        for name in inspect.signature(function).parameters
        if name not in ("self", "cls", "kwargs") and not name.startswith("_")
    ]


def check(path, text, expected):
    assert text, f"{path} has no docstring"
    found = sections(inspect.cleandoc(text))
    told = entries(found.get("Args", ""))
    assert set(expected) <= set(told), f"{path}: {set(expected) - set(told)}"
    return found


def told_by(thing):
    """Names of what a class and its bases in the package tell of."""
    for base in thing.__mro__:
        if base.__module__.startswith("keras_transfer"):
            found = sections(inspect.cleandoc(base.__doc__ or ""))
            for title in ("Args", "Attributes"):
                yield from entries(found.get(title, ""))


def test_there_is_something_to_walk_over():
    assert {"TransferModel", "match", "fine_tune", "search"} <= set(TOP)
    assert len(FUNCTIONS) > 50 and len(CLASSES) > 40


@pytest.mark.parametrize("path", FUNCTIONS)
def test_functions_tell_arguments_and_what_they_return(path):
    function = FUNCTIONS[path]
    found = check(path, function.__doc__, parameters(function))
    says_so = re.match("Returns|Yields|Estimates|Says|Whether", found[""])
    assert "Returns" in found or says_so or is_procedure(function), path


def is_procedure(function):
    return not re.search(r"(?m)^ +return \S", inspect.getsource(function))


@pytest.mark.parametrize("path", CLASSES)
def test_classes_tell_arguments(path):
    thing = CLASSES[path]
    check(path, thing.__doc__, [])
    missing = set(parameters(thing)) - set(told_by(thing))
    assert missing == set(), path


@pytest.mark.parametrize("path", CLASSES)
def test_methods_tell_arguments(path):
    for name, method in own_methods(CLASSES[path]):
        if not OF_KERAS.match(name):
            text = inspect.getdoc(getattr(CLASSES[path], name))
            check(f"{path}.{name}", text, parameters(method))


@pytest.mark.parametrize("path", CLASSES)
def test_properties_say_what_they_are(path):
    for name, value in in_package(CLASSES[path]).items():
        is_ours = not name.startswith("_") and not of_keras(CLASSES[path], name)
        if isinstance(value, property) and is_ours:
            assert value.__doc__, f"{path}.{name} has no docstring"


@pytest.mark.parametrize("name", TOP)
def test_what_stands_at_the_top_has_an_example(name):
    found = sections(inspect.cleandoc(getattr(kt, name).__doc__))
    assert "```python" in found.get("Example", ""), name


def located(path):
    """Returns what a path of the page is; mkdocstrings takes modules first."""
    assert not (ROOT / f"{path.replace('.', '/')}.py").exists(), path
    room, _, name = path.rpartition(".")
    return getattr(importlib.import_module(room), name)


def test_the_reference_names_everything_once():
    page = (ROOT / "docs" / "reference.md").read_text()
    named = [located(path) for path in re.findall(r"(?m)^::: (\S+)", page)]
    ids = [id(thing) for thing in named]
    assert len(ids) == len(set(ids))
    missing = [path for path, thing in PUBLIC.items() if id(thing) not in ids]
    assert missing == []
