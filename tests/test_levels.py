"""A file imports only from levels below its own."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "keras_transfer"
LEVELS = {
    0: {
        "_version", "_keras_private", "applications", "bias_correction",
        "block_factors", "checkpoint_folder", "companions", "files",
        "fingerprints", "first_batch", "graph", "layers", "losses", "memory",
        "probe",
        "random_state", "sampling", "schedules", "search_space", "tables",
    },
    1: {
        "assignment", "backbones", "batches", "channels", "feature_cache",
        "freezing", "hub", "joined_inputs",
        "layer_pairing", "optimizers", "pretrained", "recognition",
        "regularizers", "replicas", "source_files", "subset_batches",
        "training_state", "weights",
    },
    2: {"callbacks", "models"},
    3: {"data", "distribution", "export", "trial"},
    4: {"predictions", "report", "tuner"},
    5: {"demo", "recipes", "run_folder"},
    6: {"searches"},
    7: {"cli", "__main__"},
}  # fmt: skip
LEVEL_OF = {name: level for level, names in LEVELS.items() for name in names}
FILES = [p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py"]
MAY_IMPORT_TENSORFLOW = {"data", "distribution", "export"}


def unit(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path):
    """Yields the dotted name of every import in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{a.name}" for a in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.name))
def test_imports_point_down(path):
    own = unit(path)
    for name in imported(path):
        package, *rest = name.split(".")
        if package == "keras_transfer" and rest and rest[0] in LEVEL_OF:
            below = LEVEL_OF[rest[0]] < LEVEL_OF[own]
            # Level 0 and 1 files may use their neighbours, without a circle.
            beside = LEVEL_OF[rest[0]] == LEVEL_OF[own] <= 1
            assert below or beside or rest[0] == own or own == "__main__", (
                f"{own} imports {name}"
            )
        if package == "tensorflow":
            assert own in MAY_IMPORT_TENSORFLOW, f"{own} imports tensorflow"


def test_every_file_has_a_level():
    assert {unit(path) for path in FILES} <= set(LEVEL_OF)
