"""Scripts in a Python of their own, with this package and these helpers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras

import keras_transfer as kt

PATHS = [Path(kt.__file__).parents[1], Path(__file__).parent]


def environment(**changes):
    """Returns this process's variables with its backend and its paths."""
    return (
        os.environ
        | {
            "KERAS_BACKEND": keras.backend.backend(),
            "PYTHONPATH": os.pathsep.join(map(str, PATHS)),
        }
        | changes
    )


def start(script, *arguments, **changes):
    """Starts a script; its lines can be read while it runs."""
    return subprocess.Popen(
        [sys.executable, str(script), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(**changes),
    )


def printed_json(*command, **changes):
    """Runs Python with these arguments; returns the JSON it prints last."""
    found = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        env=environment(**changes),
    )
    assert found.returncode == 0, (
        f"exit code {found.returncode}: {found.stderr[-3000:]}"
    )
    return json.loads(found.stdout.splitlines()[-1])
