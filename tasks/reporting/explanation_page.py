"""The page on which an explanation of a text is shown."""

import base64
import html
import math
from collections.abc import Mapping, Sequence

import numpy as np

# How what can't be seen is shown.
_VISIBLE = {" ": "␣", "\n": "⏎", "\t": "⇥"}


def visible(token: str) -> str:
    """Returns a token as it is shown: a space, say, as "␣"."""
    return _VISIBLE.get(token, token)


def render(
    text: str,
    tokens: Sequence[str],
    logs: np.ndarray,
    gates: Sequence[Mapping],
    prefix: str,
    words: Sequence,
    picture: bytes,
) -> str:
    """Returns an explanation, HTML that needs no other file.

    Args:
        text: the text that is explained.
        tokens: its tokens.
        logs: log P of each, in nats, (tokens,).
        gates: for each layer a dict of (tokens, units). In the page is the mean over
            the units, for values that may be negative that of their magnitude.
        prefix: what comes before the words that are compared.
        words: these, `tasks.text.explanation.Expected`.
        picture: all units' gates, PNG.
    """
    rows = [_row("", map(html.escape, tokens), "th")]
    rows.append(_row("P, given those before", map(_probability, logs)))
    for number, layer in enumerate(gates, start=1):
        for name, gate in layer.items():
            means = np.abs(gate).mean(axis=1)
            rows.append(_row(f"{number}: {name}", map(_cell, means)))
    compared = "".join(
        f"<tr><td>{html.escape(each.word)}{' (in the text)' * each.is_there}</td>"
        f"<td>{each.probability:.6f}</td><td>{each.log_probability:.3f}</td></tr>"
        for each in words
    )
    image = base64.b64encode(picture).decode("ascii")
    return _PAGE.format(
        text=html.escape(text),
        rows="\n".join(rows),
        prefix=html.escape(prefix),
        compared=compared,
        image=image,
    )


def _row(title, cells, tag="td"):
    cells = "".join(
        cell if cell.startswith("<td") else f"<{tag}>{cell}</{tag}>" for cell in cells
    )
    return f"<tr><th>{html.escape(title)}</th>{cells}</tr>"


def _probability(log):
    return _cell(math.exp(log))


def _cell(value):
    """Returns a cell that is the darker the larger a value in [0, 1] is."""
    lightness = 100 - 60 * min(float(value), 1.0)
    return f'<td style="background:hsl(210 70% {lightness:.0f}%)">{value:.2f}</td>'


_PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>{text}</title>
<style>
body {{ font: 14px sans-serif; margin: 2em; }}
table {{ border-collapse: collapse; margin: 1em 0; }}
th, td {{ padding: .2em .4em; text-align: right; white-space: nowrap; }}
div {{ overflow-x: auto; }}
</style>
<h1>{text}</h1>
<p>Gates as each token is read: the mean over a layer's units, for the candidate and the
memory of the absolute values.</p>
<div><table>
{rows}
</table></div>
<p>After “{prefix}”:</p>
<table>
<tr><th>word</th><th>P</th><th>log P of the text, nats</th></tr>
{compared}
</table>
<p>Every unit, those with the most open first gate on top:</p>
<div><img alt="gates" src="data:image/png;base64,{image}"></div>
</html>
"""
