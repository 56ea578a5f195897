"""Runs every example in this folder, each in a folder of its own.

    python examples/run_all.py

Two run side by side, with fewer repetitions than alone where that saves time:
this is to see that they run. Ends with the list of those that failed, and their
number as the exit code.
"""

import concurrent.futures
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
FEWER = {
    "digits.py": ["--seeds", "1"],
    "gradual_unfreezing.py": ["--seeds", "1"],
    "lstm_source.py": ["--shots", "5"],
    "search.py": ["--trials", "2"],
    "self_attention_source.py": ["--shots", "5"],
}


def run(script):
    """Runs one example, then prints its output; returns whether it passed."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        outcome = subprocess.run(
            [sys.executable, script, *FEWER.get(script.name, [])],
            cwd=folder, text=True, errors="replace",
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
