"""Many workers against DistributedDataParallel: ``python -m benchmarks.distributed``.

Each worker has one thread and the workload's whole batch, so that the ideal is a step that takes as
long as that of one worker. All jobs run in turns, the best of their rounds counts. The rest of the
table is a model: how long a step would take on 2 to 1,024 machines, from the time that a sum takes
between two workers here, or on a network of the latency and bandwidth that are given.
"""

import argparse
import json
import math
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from benchmarks.compare import add_write, duration, processor, publish
from benchmarks.distributed_worker import FEW, MANY
from benchmarks.sitting import ROOT
from benchmarks.workloads import DESCRIPTIONS, NETWORKS

MARKERS = ("<!-- benchmarks.distributed: begin -->\n", "<!-- benchmarks.distributed: end -->")
WORKLOADS = ("toy", "mnist", "lenet16", "wide")
WORKERS = (1, 2, 4)
MACHINES = (2, 4, 16, 64, 256, 1024)
ROUNDS = 4
BUDGET = 0.2  # seconds of one kind of step in a round
TURNS = 2  # of all jobs

Times = dict[tuple[str, str, int], dict[str, float]]  # by framework, workload and workers


def mpiexec() -> str:
    """Return what starts MPI's processes."""
    beside = Path(sys.executable).with_name("mpiexec")
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is None:
        raise SystemExit("there is no mpiexec: pip install mpi4py mpich")
    return found


def run(framework: str, workload: str, workers: int, python: str) -> dict[str, float]:
    """Run one job and return the best seconds of each kind of step."""
    worker = ["-m", "benchmarks.distributed_worker", framework, workload, str(ROUNDS), str(BUDGET)]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "BENCHMARKS_WORKERS": str(workers),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }
    if framework != "torch":
        jobs = [([mpiexec(), "-n", str(workers), python, *worker], environment)]
    else:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(workers)}
        jobs = [
            ([python, *worker], environment | place | {"RANK": str(rank)})
            for rank in range(workers)
        ]
    processes = [
        subprocess.Popen(
            command, env=env, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        for command, env in jobs
    ]
    printed = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise RuntimeError(f"{framework}, {workload}, {workers} workers: {printed}")
    return json.loads(printed[0])


def summing(machines: int, nbytes: float, latency: float, per_byte: float) -> float:
    """Return the seconds that a sum over machines takes, by the better of two algorithms.

    A ring sends 2 (P - 1) messages of n / P bytes one after the other; recursive doubling log2(P)
    messages of n bytes (Thakur, Rabenseifner and Gropp, "Optimization of collective communication
    operations in MPICH", 2005).

    Examples
    --------
    >>> summing(2, 0, 1e-6, 0)
    1e-06
    >>> round(summing(4, 1e9, 0, 1e-9), 3)
    1.5
    """
    ring = 2 * (machines - 1) * (latency + nbytes / machines * per_byte)
    doubling = math.ceil(math.log2(machines)) * (latency + nbytes * per_byte)
    return min(ring, doubling)


def gradient_bytes(workload: str) -> int:
    """Return the bytes of a network's gradients."""
    from benchmarks.gluon_steps import NETS, perceptron
    from benchmarks.workloads import MLPS

    net = NETS[workload]() if workload in NETS else perceptron(MLPS[workload].sizes)
    net.initialize()
    net.dry_run(NETWORKS[workload].data()[0].shape)
    return 4 * sum(p.data().size for p in net.collect_params().values() if p.grad_req != "null")


def scaling_table(times: Times, workloads: list[str], frameworks: list[str]) -> str:
    """Return the table of what was measured."""
    counts = WORKERS[1:]
    lines = [
        "| workload | framework | 1 worker | "
        + " | ".join(f"{n} workers | scaling | sending" for n in counts)
        + " |",
        "|---|---|--:|" + "--:|--:|--:|" * len(counts),
    ]
    for workload in workloads:
        for framework in frameworks:
            one = times[framework, workload, 1]["together"]
            cells = [f"`{workload}`", framework, duration(one)]
            for n in counts:
                best = times[framework, workload, n]
                share = max(0.0, 1 - best["alone"] / best["together"])
                cells.append(duration(best["together"]))
                cells += [f"{one / best['together']:.0%}", f"{share:.0%}"]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def model_table(
    times: Times, workloads: list[str], links: Mapping[str, tuple[float, float]]
) -> tuple[str, dict[str, list[float]]]:
    """Return the table of the model, and its rows."""
    lines = [
        "| workload | gradients | network | " + " | ".join(map(str, MACHINES)) + " |",
        "|---|--:|---|" + "--:|" * len(MACHINES),
    ]
    rows = {}
    for workload in workloads:
        nbytes = gradient_bytes(workload)
        step = times["microlazy", workload, 1]["together"]
        for link, (latency, per_byte) in links.items():
            row = [
                step / (step + summing(machines, nbytes, latency, per_byte))
                for machines in MACHINES
            ]
            rows[f"{workload}, {link}"] = row
            size = f"{nbytes / 1e6:.3g} MB"
            lines.append(
                f"| `{workload}` | {size} | {link} | "
                + " | ".join(f"{share:.0%}" for share in row)
                + " |"
            )
    return "\n".join(lines), rows


def draw(rows: Mapping[str, list[float]], path: Path) -> None:
    """Draw the model: how much of the ideal is left."""
    import matplotlib.pyplot as plt

    links = list(dict.fromkeys(name.split(", ", 1)[1] for name in rows))
    figure, axes = plt.subplots(
        1, len(links), figsize=(5 * len(links), 3.6), sharey=True, constrained_layout=True
    )
    for link, axis in zip(links, axes, strict=True):
        for name, row in rows.items():
            workload, _, where = name.partition(", ")
            if where == link:
                axis.plot(MACHINES, [100 * share for share in row], "o-", ms=4, label=workload)
        axis.set_xscale("log", base=2)
        axis.set(title=link, xlabel="machines", ylim=(0, 105))
        axis.set_xticks(MACHINES, [f"{n:,}" for n in MACHINES])
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("% of the ideal speed")
    axes[-1].legend(frameon=False)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def main(arguments: list[str]) -> None:
    """Measure, print the tables, and write them where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.distributed", description=__doc__)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(NETWORKS))
    parser.add_argument("--torch-python", metavar="PATH", help="an interpreter that has PyTorch")
    parser.add_argument("--latency", type=float, default=50.0, help="of a network, microseconds")
    parser.add_argument("--bandwidth", type=float, default=1.25, help="of a network, GB/s")
    add_write(parser, MARKERS)
    parser.add_argument("--picture", metavar="FILE", type=Path, help="draw the model")
    options = parser.parse_args(arguments)
    workloads = options.workloads or list(WORKLOADS)
    unknown = [name for name in workloads if name not in NETWORKS]
    if unknown:
        parser.error(f"no workload {', '.join(unknown)}; there are {', '.join(NETWORKS)}")
    pythons = {"microlazy": sys.executable}
    if options.torch_python:
        pythons["torch"] = options.torch_python
    jobs = [
        (framework, workload, count)
        for workload in workloads
        for count in WORKERS
        for framework in pythons
    ]
    jobs.append(("microlazy", "link", 2))
    times: Times = {}
    for _ in range(TURNS):
        for job in tqdm(jobs, desc="measuring", leave=False):
            for way, seconds in run(*job, pythons[job[0]]).items():
                kept = times.setdefault(job, {})
                kept[way] = min(seconds, kept.get(way, seconds))
    link = times["microlazy", "link", 2]
    latency = link["few"]
    per_byte = (link["many"] - latency) / (4 * (MANY - FEW))
    links = {
        "as between two workers here": (latency, per_byte),
        f"{options.latency:g} µs, {options.bandwidth:g} GB/s": (
            options.latency * 1e-6,
            1e-9 / options.bandwidth,
        ),
    }
    model, rows = model_table(times, workloads, links)
    text = "\n\n".join(
        [
            scaling_table(times, workloads, list(pythons)),
            f"{processor()}. A sum of one number over two workers takes {duration(latency)}, of "
            f"{MANY:,} numbers {duration(link['many'])}: {1e-9 / per_byte:.2g} GB/s.",
            model,
            "; ".join(f"`{name}`: {DESCRIPTIONS[name]}" for name in workloads) + ".",
        ]
    )
    publish(text, options.write, MARKERS)
    if options.picture:
        draw(rows, options.picture)


if __name__ == "__main__":
    main(sys.argv[1:])
