"""A process that measures one framework on request, so that frameworks can take turns.

It reads lines ``WORKLOAD SECONDS`` and answers each with a line: the mean time of a step in
seconds. Its first line, before any request, is the framework's name and version. A workload is
built and warmed up at its first request and kept until another one is asked for.
"""

import sys

from benchmarks.workloads import seconds_per_step

WARM_UP = 5  # steps


def main(framework: str) -> None:
    """Serve ``microlazy``, ``microlazy-hybrid`` or ``torch`` on standard input and output."""
    if framework == "torch":
        import torch as module

        from benchmarks.torch_steps import build

        options = {}
    else:
        import microlazy as module
        from benchmarks.gluon_steps import build

        options = {"hybrid": framework == "microlazy-hybrid"}
    print(framework, module.__version__, flush=True)
    current, step = None, None
    for request in sys.stdin:
        workload, budget = request.split()
        if workload != current:
            step = None  # free the last workload's memory first
            current, step = workload, build(workload, **options)
            for _ in range(WARM_UP):
                step()
        print(seconds_per_step(step, float(budget)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
