"""A room imports only from rooms below it, and files form no circle."""

import ast
import graphlib
import runpy
from pathlib import Path

import pytest

pytestmark = pytest.mark.any_backend

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "keras_transfer"
LEVELS = {
    0: {"_private", "_version"},
    1: {"layers", "losses", "storage", "transferability"},
    2: {"data", "graph"},
    3: {"backbones", "training"},
    4: {"callbacks", "feature_cache"},
    5: {"models"},
    6: {"serving"},
    7: {"recipes"},
    8: {"tuner"},
    9: {"cli"},
    10: {"__init__", "__main__"},
}
LEVEL_OF = {room: level for level, rooms in LEVELS.items() for room in rooms}
ROOMS = {room for room in LEVEL_OF if (PACKAGE / room).is_dir()}
FILES = sorted(PACKAGE.rglob("*.py"))
MAY_IMPORT_TENSORFLOW = {"data", "distribution.py", "serving"}


def dotted(path):
    """The name that a file is imported by."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {dotted(path): path for path in FILES}


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path, *, late=True):
    """Yields the module of every import in a file.

    Args:
        path: a file of the package.
        late: whether imports inside functions and for type checkers count.
    """
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree) if late else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in MODULES else node.module


def own_imports(path, **options):
    return {name for name in imports(path, **options) if name in MODULES}


@pytest.mark.parametrize("path", FILES, ids=dotted)
def test_imports_point_down(path):
    own = room_of(path)
    for name in own_imports(path):
        other = room_of(MODULES[name])
        # Anyone may ask the package itself for its public names, late.
        if other in {own, "__init__"}:
            continue
        assert LEVEL_OF[other] < LEVEL_OF[own], f"{own} imports {name}"


def test_files_import_each_other_in_no_circle():
    known = {
        name: own_imports(path, late=False) - {name, "keras_transfer"}
        for name, path in MODULES.items()
    }
    # Raises a CycleError that shows the circle.
    tuple(graphlib.TopologicalSorter(known).static_order())


def test_only_these_rooms_import_tensorflow():
    found = {
        MODULES[name]
        for name, path in MODULES.items()
        if any(i.partition(".")[0] == "tensorflow" for i in imports(path))
    }
    assert found, "the walk has found no import of TensorFlow at all"
    assert {
        path
        for path in found
        if not {room_of(path), path.name} & MAY_IMPORT_TENSORFLOW
    } == set()


def test_every_file_stands_in_a_room():
    assert {room_of(path) for path in FILES} == set(LEVEL_OF)
    assert len(ROOMS) <= 16
    assert len(list(PACKAGE.glob("*.py"))) <= 3


def test_the_architecture_names_each_room():
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert {room for room in ROOMS if f"`{room}/`" not in page} == set()


def test_the_route_of_a_batch_names_files_that_are_there():
    pytest.importorskip("matplotlib")
    script = ROOT / "docs" / "pictures" / "route_of_a_batch.py"
    drawn = runpy.run_path(str(script))
    named = {file for route in drawn["ROUTES"].values() for file, _ in route}
    assert len(named) > 10
    files = {str(path.relative_to(PACKAGE)) for path in FILES}
    assert named - files == {drawn["KERAS"]}


def test_tests_mirror_the_rooms():
    folders = {p.name for p in (ROOT / "tests").iterdir() if p.is_dir()}
    beside = {"fixtures", "integration", "private", "__pycache__"}
    assert folders - beside <= ROOMS
