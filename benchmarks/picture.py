"""Draw the picture at the top of the README: ``python -m benchmarks.picture``.

On the left what a lazy network knows about its parameters, on the right how much faster a step is
than PyTorch's, from the README's own table of speeds. It has a ground of its own and colours for
light and dark, so it can be read on any page.
"""

import math
import re
from html import escape
from pathlib import Path

from benchmarks.compare import MARKERS
from microlazy.gluon import nn

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "microlazy.svg"
SHOWN = {  # workloads of the table, as they are called in the picture
    "deep": "100 layers of 32, batch 2",
    "toy": "MLP 20-256-10, batch 2",
    "op_nograd": "100 sums of 4 numbers",
    "init_deep": "first run of 26 layers",
    "lenet16": "LeNet, batch 16",
    "mnist": "MLP 784-256-10, batch 256",
}
WIDTH, HEIGHT = 860, 290
STYLE = """
  svg { --ground: #f6f8fb; --text: #1c2733; --soft: #5b6b7c; --bar: #2f7ab8; --new: #b8501f; }
  @media (prefers-color-scheme: dark) {
    svg { --ground: #1b2129; --text: #e6edf3; --soft: #9fb0c0; --bar: #5aa9e6; --new: #f0a070; }
  }
  text { font: 14px ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, sans-serif;
         fill: var(--text); }
  .title { font-weight: 600; font-size: 15px; }
  .soft { fill: var(--soft); font-size: 12.5px; }
  .code { white-space: pre; font-family: ui-monospace, Menlo, Consolas,
          "DejaVu Sans Mono", monospace; font-size: 13px; }
  .new { fill: var(--new); font-weight: 600; }
"""


def speed_ratios(page: str) -> dict[str, float]:
    """Return how many times faster than PyTorch each workload of the README's table is.

    Hybridized where the table has that, else eager.

    Examples
    --------
    >>> from benchmarks.compare import MARKERS
    >>> row = "| `toy` | MLP | 229 µs | 8.42 µs | **27×** | 7.52 µs | **30×** |"
    >>> speed_ratios(f"{MARKERS[0]}{row}{MARKERS[1]}")
    {'toy': 30.0}
    """
    table = page.partition(MARKERS[0])[2].partition(MARKERS[1])[0]
    found = {}
    for name, row in re.findall(r"^\| `(\w+)` \|(.*)$", table, re.M):
        ratios = re.findall(r"\*\*([\d.]+)×\*\*", row)
        found[name] = float(ratios[-1])
    return found


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def shapes() -> list[tuple[str, str, str]]:
    """Each parameter of a lazy network: its name, its shape before a batch, and after it."""
    net = nn.Sequential()
    net.add(nn.Dense(256, activation="relu"), nn.Dense(10))
    net.initialize()
    before = [parameter.shape for parameter in net.collect_params().values()]
    net.dry_run((2, 20))
    names = net._collect_params_with_prefix()
    return [
        (name, _shape(old), _shape(parameter.shape))
        for (name, parameter), old in zip(names.items(), before, strict=True)
    ]


def _shape(sizes: tuple[int, ...]) -> str:
    known = ", ".join(str(size) if size > 0 else "?" for size in sizes)
    return f"({known},)" if len(sizes) == 1 else f"({known})"


def left_half() -> list[str]:
    """The lines of code, and the shapes that they lead to."""
    lines = [text(24, 36, "Nobody says how wide the input is", "title")]
    code = (
        'net.add(nn.Dense(256, activation="relu"),',
        "        nn.Dense(10))",
        "net.initialize()",
    )
    lines += [text(24, 66 + 20 * row, words, "code") for row, words in enumerate(code)]
    heads = ((24, "parameter"), (142, "initialized"), (270, "after net(x), x of (2, 20)"))
    lines += [text(x, 146, words, "soft") for x, words in heads]
    for row, (name, before, after) in enumerate(shapes()):
        y = 172 + 25 * row
        lines += [text(24, y, name, "code"), text(142, y, before, "code")]
        lines += [text(270, y, after, "code new" if before != after else "code")]
    return lines


def right_half(ratios: dict[str, float]) -> list[str]:
    """Bars, on a logarithmic scale that begins at PyTorch's speed."""
    left, right = 645, 790
    longest = math.log(max(ratios[name] for name in SHOWN))
    lines = [text(478, 36, "A step, times faster than PyTorch", "title")]
    for row, (name, words) in enumerate(SHOWN.items()):
        y = 66 + 32 * row
        ratio = ratios[name]
        width = max(2.0, (right - left) * math.log(max(ratio, 1.0)) / longest)
        lines += [text(left - 10, y + 14, words, "soft", "end")]
        bar = f'x="{left}" y="{y}" width="{width:.1f}" height="18" rx="3"'
        lines += [f'<rect {bar} style="fill: var(--bar)"/>']
        number = f"{ratio:.0f}×" if ratio >= 10 else f"{ratio:.1f}×"
        lines += [text(left + width + 6, y + 14, number)]
    lines += [text(left, HEIGHT - 22, "log scale; 2 cores", "soft")]
    return lines


def picture(page: str) -> str:
    """Return the picture for a README, as SVG.

    Examples
    --------
    >>> from benchmarks.picture import PICTURE, ROOT, picture
    >>> picture((ROOT / "README.md").read_text(encoding="utf-8")).startswith("<svg")
    True
    """
    body = "\n".join([*left_half(), *right_half(speed_ratios(page))])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">\n'
        f"<style>{STYLE}</style>\n"
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="10" style="fill: var(--ground)"/>\n'
        f'<path d="M450 24V{HEIGHT - 24}" style="stroke: var(--soft); opacity: 0.35"/>\n'
        f"{body}\n</svg>\n"
    )


def main() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    PICTURE.write_text(picture(page), encoding="utf-8")


if __name__ == "__main__":
    main()
