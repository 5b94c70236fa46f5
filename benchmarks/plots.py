"""Curves by the number of triples, as one picture."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

Curves = Mapping[str, tuple[tuple[float, float], ...]]


def draw(curves: Curves, path: Path) -> bool:
    """Draw each curve in a field of its own, from 0 up, the number of triples on a logarithmic scale.

    Returns whether there is a picture: without matplotlib the one that is there stays.
    """
    try:
        import matplotlib as mpl

        mpl.use("Agg")
        from matplotlib import pyplot as plt
    except ModuleNotFoundError:
        print("left out: pictures; pip install matplotlib", file=sys.stderr)
        return path.exists()
    columns = min(2, len(curves))
    lines = -(-len(curves) // columns)
    figure, fields = plt.subplots(lines, columns, figsize=(5 * columns, 2.9 * lines), squeeze=False)
    for field, (title, points) in zip(fields.flat, curves.items(), strict=False):
        field.plot(*zip(*points, strict=True), marker="o", color="#1f5f9f")
        field.set(title=title, xscale="log", xlabel="triples", ylim=(0, 1.3 * max(y for _, y in points)))
        field.margins(x=0.1)
        field.grid(visible=True, alpha=0.3)
        for x, y in points:
            shown = f"{y:,.0f}" if y >= 100 else f"{y:.3g}"
            field.annotate(shown, (x, y), (0, 6), textcoords="offset points", ha="center", fontsize=8)
    for field in list(fields.flat)[len(curves) :]:
        field.remove()
    figure.tight_layout()
    figure.savefig(path, dpi=100, metadata={"Software": None})  # the same curves are the same bytes
    plt.close(figure)
    return True
