"""Model cards, rendered from what `train` and `evaluate` wrote."""

import re
import textwrap
from pathlib import Path

from zoo import presets


def add_evaluation(
    preset: Path,
    source: str,
    citation: str,
    figures: dict,
    summary: str,
    limits: str,
    argument: str = "text",
    sample: dict | None = None,
) -> None:
    """Writes figures into a preset's metrics, and its card anew.

    Args:
        preset: the preset's folder.
        source: what it was measured on: the data set's full name and the split.
        citation: how the data set is to be cited, BibTeX, or "".
        figures: what was measured, by name.
        summary: see `render`.
        limits: see `render`.
        argument: see `render`.
        sample: see `render`.
    """
    metrics = presets.read_metrics(preset)
    metrics.setdefault("evaluations", {})[source] = figures
    if sample:
        metrics["sample"] = sample
    if citation:
        dataset = source.rpartition("/")[0]
        metrics.setdefault("citations", {})[dataset] = citation
    write(preset, summary, limits, argument, metrics)


def write(
    preset: Path,
    summary: str,
    limits: str,
    argument: str = "text",
    metrics: dict | None = None,
) -> None:
    """Writes a preset's card, and its metrics where they are new.

    Args:
        preset: the preset's folder.
        summary: see `render`.
        limits: see `render`.
        argument: see `render`.
        metrics: see `render`; by default those that the preset has.
    """
    if metrics is None:
        metrics = presets.read_metrics(preset)
    card = render(preset.resolve().name, summary, metrics, limits, argument)
    presets.write_metrics(preset, metrics, card)
    print(f"metrics     {preset / presets.METRICS}")


def render(
    name: str, summary: str, metrics: dict, limits: str, argument: str = "text"
) -> str:
    """Returns a preset's card.

    Args:
        name: the preset's name.
        summary: what the model does, in a sentence.
        metrics: `training`, a dict of what was trained and how, `evaluations`, a
            dict of metrics by data set and split, `sample`, a `text` that the model
            wrote and the `command` that prints it, but for `--model`, and
            `citations`, BibTeX by data set; each may be missing.
        limits: what the model is not for, Markdown.
        argument: what `serving_default` calls the texts that it takes.

    Returns:
        Markdown.
    """
    evaluations = metrics.get("evaluations", {})
    parts = [f"# {name}", summary]
    if evaluations:
        parts += ["## Measured", _table(evaluations)]
    if "sample" in metrics:
        parts += ["## A sample", _sample(name, **metrics["sample"])]
    if "training" in metrics:
        parts += ["## Trained", _training(metrics["training"])]
    if "citations" in metrics:
        parts += ["## Data", _citations(metrics["citations"])]
    parts += [
        "## Use",
        _use(name, argument),
        "## Limits",
        textwrap.dedent(limits).strip(),
    ]
    parts += ["*Rendered by `evaluate` from `metrics.json`; not edited by hand.*"]
    return "\n\n".join(parts) + "\n"


def _table(evaluations):
    names = []
    for figures in evaluations.values():
        names += [key for key, value in figures.items() if _is_figure(value)]
    names = list(dict.fromkeys(names))
    lines = ["| data | " + " | ".join(name.replace("_", " ") for name in names) + " |"]
    lines += ["| --- " * (len(names) + 1) + "|"]
    for source, figures in evaluations.items():
        cells = [_cell(figures.get(name)) for name in names]
        lines.append(f"| {source} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _is_figure(value):
    return isinstance(value, int | float | str)


def _cell(value):
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, int):
        return f"{value:,}".replace(",", " ")
    return value or ""


def _sample(name, command, text):
    # Longer than any run of them in the text, as Markdown wants it.
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"`{command} --model {name}`:\n\n{fence}text\n{text.strip()}\n{fence}"


def _training(training):
    lines = []
    for key, value in training.items():
        if key == "command":
            lines.append(f"- command: `{value}`")
        elif key == "versions":
            listed = ", ".join(f"{name} {version}" for name, version in value.items())
            lines.append(f"- versions: {listed}")
        elif isinstance(value, list):
            lines.append(f"- {key.replace('_', ' ')}: {', '.join(value) or 'none'}")
        else:
            lines.append(f"- {key.replace('_', ' ')}: {value}")
    return "\n".join(lines)


def _citations(citations):
    return "\n\n".join(
        f"{dataset}:\n\n```bibtex\n{citation}\n```"
        for dataset, citation in citations.items()
    )


def _use(name, argument):
    return textwrap.dedent(f"""\
        ```python
        import tensorflow as tf

        model = tf.saved_model.load("pretrained/{name}/saved_model")
        model.signatures["serving_default"]({argument}=tf.constant(["…"]))
        ```""")
