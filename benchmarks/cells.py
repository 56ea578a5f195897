"""Measured cells of a table as small JSON files: what is there is not rerun."""

import json

import keras
from paired import machine


def read(path):
    """Returns the cells of a file by seed; none if there is no file."""
    return json.loads(path.read_text())["seeds"] if path.exists() else {}


def write(path, cells):
    """Writes the cells of a file, and what they were measured with."""
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "device": machine(),
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "seeds": cells,
    }
    path.write_text(json.dumps(about, indent=1) + "\n")
