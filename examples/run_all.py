"""Runs every example in this folder, each in a folder of its own.

    python examples/run_all.py

Two run side by side. Ends with the list of those that failed, and their number
as the exit code.
"""

import concurrent.futures
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def run(script):
    """Runs one example, then prints its output; returns whether it passed."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        outcome = subprocess.run(
            [sys.executable, script], cwd=folder, text=True, errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    seconds = time.perf_counter() - started
    end = f"{script.name}: exit {outcome.returncode}, {seconds:.0f} s"
    print(f"{outcome.stdout}{end}", flush=True)
    return outcome.returncode == 0


def main():
    scripts = sorted(set(HERE.glob("*.py")) - {Path(__file__).resolve()})
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        succeeded = list(pool.map(run, scripts))
    failed = [
        script.name
        for script, fine in zip(scripts, succeeded, strict=True)
        if not fine
    ]
    print(f"{len(scripts) - len(failed)} passed, {len(failed)} failed", failed)
    sys.exit(len(failed))


if __name__ == "__main__":
    main()
