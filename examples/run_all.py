"""Runs every example in this folder, each in a folder of its own.

    python examples/run_all.py

Ends with the list of those that failed, and their number as the exit code.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def run(script):
    """Runs one example; returns whether it succeeded."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        outcome = subprocess.run([sys.executable, script], cwd=folder)
    seconds = time.perf_counter() - started
    print(f"{script.name}: exit {outcome.returncode}, {seconds:.0f} s")
    return outcome.returncode == 0


def main():
    scripts = sorted(set(HERE.glob("*.py")) - {Path(__file__).resolve()})
    failed = [script.name for script in scripts if not run(script)]
    print(f"{len(scripts) - len(failed)} passed, {len(failed)} failed", failed)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
