"""What needs no model is answered without Keras."""

import re
import subprocess
import sys

import pytest
from processes import environment

from keras_transfer._version import __version__
from keras_transfer.cli.parser import COMMANDS

pytestmark = pytest.mark.any_backend

HEAVY = {"keras", "numpy", "rich", "sklearn", "tensorflow"}
# As pip writes it.
CONSOLE_SCRIPT = """
import sys
from keras_transfer.cli import main
if __name__ == "__main__":
    sys.exit(main())
"""


def run(*arguments, place=("-m", "keras_transfer")):
    """Runs the command line in a process of its own.

    Returns:
        `(process, modules, said)`: the process, the top-level modules that it
        has imported, and what else it has written to stderr.
    """
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *place, *arguments],
        capture_output=True,
        text=True,
        env=environment(),
    )
    lines = done.stderr.splitlines()
    times = [each for each in lines if each.startswith("import time:")]
    modules = {re.split(r"[|.]", each, maxsplit=3)[2].strip() for each in times}
    said = "\n".join(each for each in lines if each not in times)
    return done, modules, said


@pytest.fixture
def console_script(tmp_path):
    path = tmp_path / "keras-transfer"
    path.write_text(CONSOLE_SCRIPT)
    return (str(path),)


def test_help_and_version_import_no_keras(console_script):
    done, modules, _ = run("--help")
    assert done.returncode == 0 and "argparse" in modules
    assert all(f"    {command}" in done.stdout for command in COMMANDS)
    assert not HEAVY & modules
    done, modules, _ = run("--version", place=console_script)
    assert done.stdout == f"keras-transfer {__version__}\n"
    assert not HEAVY & modules


@pytest.mark.parametrize(
    "arguments, code, expected",
    [
        (["fit", "--help"], 0, ""),
        (["fitt"], 2, "There is no command 'fitt'. Did you mean 'fit'?"),
        (["fit", "a", "--epoks", "3"], 2, "'--epoks'. Did you mean '--epochs'"),
    ],
)
def test_help_and_typos_of_a_command_import_no_keras(
    console_script, arguments, code, expected
):
    done, modules, said = run(*arguments, place=console_script)
    assert done.returncode == code
    assert expected in said
    assert not HEAVY & modules


def test_completion_imports_no_keras():
    pytest.importorskip("shtab")
    done, modules, said = run("completion", "bash")
    assert "--head-learning-rate" in done.stdout and not said
    assert not HEAVY & modules


def test_a_command_that_runs_imports_every_class():
    done, modules, said = run("backbones", "VGG16")
    assert "VGG16" in done.stdout
    assert "keras" in modules and "keras_transfer" in modules
    assert not said
