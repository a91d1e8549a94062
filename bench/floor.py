"""The floor: the statements of a request in a bare loop, on the core that the server would have."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import processes
from bench.postgresql import Cluster
from bench.seeds import ROOT
from bench.windows import Window

OPERATIONS = ("append", "list")
PRODUCT = "floor"


def measure(
    operation: str,
    url: str,
    *,
    ids: Path,
    cluster: Cluster | None,
    messages: int,
    seconds: int,
    chosen: Sequence[int],
) -> Window:
    """Run the loop once in a process of its own; it has one connection, so it counts as one client."""
    command = [sys.executable, "-m", "bench.floor_loop", url, operation, "--ids", str(ids), "--seconds", str(seconds)]
    if cluster is not None:
        command += ["--postmaster", str(cluster.pid)]
    with processes.on_cores(chosen):
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if run.returncode:
        raise RuntimeError(f"The floor of {operation} could not be measured:\n{run.stderr}{run.stdout}")
    return Window(
        product=PRODUCT,
        database="sqlite" if cluster is None else "postgresql",
        operation=operation,
        messages=messages,
        clients=1,
        peak_mib=0.0,
        errors=0,
        **json.loads(run.stdout),
    )
