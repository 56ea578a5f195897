"""Measured cells of a table as small JSON files: what is there is not rerun."""

import argparse
import json
from pathlib import Path

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


def arguments(description):
    """Reads the command line of a table over folders of photos."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--seeds", type=int, default=5)
    return parser.parse_args()


def difference(ours, base):
    """The mean difference in pairs, and its standard error, as text."""
    gain = ours - base
    error = gain.std(ddof=1) / len(gain) ** 0.5
    return f"{gain.mean():+.3f} ± {error:.3f}"
