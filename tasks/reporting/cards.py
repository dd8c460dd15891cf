"""Model cards, rendered from what `train` and `evaluate` wrote."""

import dataclasses
import re
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

from tasks import datasets
from tasks.reporting import examples
from zoo import export, presets
from zoo.json_numbers import without_nan


@dataclasses.dataclass(frozen=True)
class Card:
    """What a template's cards say of each of its models.

    Attributes:
        summary: what the model does, in a sentence.
        limits: what the model is not for, Markdown; or what returns it of the metrics'
            `training`, where that changes it.
        argument: what `serving_default` calls what it takes.
        example: what to give it, Python.
        figures: what each figure is that may be measured, by its name in the metrics.
    """

    summary: str
    limits: str | Callable[[dict], str]
    argument: str = "text"
    example: str = 'tf.constant(["…"])'
    figures: Mapping[str, str] = dataclasses.field(default_factory=dict)


def add_evaluation(
    preset: Path,
    source: str,
    citation: str,
    figures: dict,
    card: Card,
    extras: dict | None = None,
    drawn: dict | None = None,
) -> None:
    """Writes figures into a preset's metrics, and its card anew.

    Args:
        preset: the preset's folder.
        source: what it was measured on: the data set's full name and the split.
        citation: how the data set is to be cited, BibTeX, or "".
        figures: what was measured, by name.
        card: what it says of every model.
        extras: what else goes into the metrics: see `render`.
        drawn: examples of the test set: see `examples.drawn`.
    """
    metrics = presets.read_metrics(preset) | (extras or {})
    metrics.setdefault("evaluations", {})[source] = figures
    if drawn and drawn["first"]:
        metrics.setdefault("examples", {})[source] = drawn
    if citation:
        dataset = source.rpartition("/")[0]
        metrics.setdefault("citations", {})[dataset] = citation
    write(preset, metrics, card)
    print(f"metrics     {preset / presets.METRICS}")


def write(preset: Path, metrics: dict, card: Card) -> None:
    """Writes a preset's metrics, and the card rendered from them.

    With the metrics goes what the SavedModel's functions take and return.

    Args:
        preset: the preset's folder.
        metrics: see `render`.
        card: what it says of every model.
    """
    metrics = without_nan(metrics)
    if (preset / presets.SAVED_MODEL).is_dir():
        signatures = export.read_signatures(preset / presets.SAVED_MODEL)
        metrics = metrics | {"signatures": signatures}
    path = presets.path_of(preset)
    if presets.is_shipped(preset):
        path = "pretrained" / path
    rendered = render(presets.name_of(preset), metrics, card, path.as_posix())
    presets.write_metrics(preset, metrics, rendered)


def tell_unwritten(preset: Path) -> None:
    """Says that a preset's card and metrics were left as they were."""
    reason = f"nothing can be written in {preset}."
    if presets.is_shipped(preset):
        reason = f"{preset.name} comes with the zoo. --write-card writes its card and "
        reason += "metrics."
    print(f"card        left as it is: {reason}")


def render(name: str, metrics: dict, card: Card, path: str | None = None) -> str:
    """Returns a preset's card.

    Args:
        name: the preset's name.
        metrics: `training`, a dict of what was trained and how, `evaluations`, a
            dict of metrics by data set and split, None for what is no number; `sample`,
            a `text` that the model wrote and the `command` that prints it, but for
            `--model`, and where it was `drawn` from, if that is to be said; `examples`,
            those of each data set and split, as `examples.drawn` has them;
            `statistics`, figures of real and generated pieces, `picture`, its `file` in
            the preset and a `text` below it; `citations`, BibTeX by data set; and
            `signatures`, of `zoo.export.read_signatures`; each may be missing.
        card: what it says of every model.
        path: where the preset is, seen from where Python is called; by default among
            those that come with the zoo.

    Returns:
        Markdown.
    """
    evaluations = metrics.get("evaluations", {})
    parts = [f"# {name}", card.summary]
    if evaluations:
        parts += ["## Measured", _table(evaluations)]
        parts += filter(None, [_explained(evaluations, card.figures)])
    if "sample" in metrics:
        parts += ["## A sample", _sample(name, **metrics["sample"])]
    drawn = metrics.get("examples", {})
    if drawn:
        parts += ["## Examples", _examples(drawn, "first", examples.describe_first)]
    if any(each["worst"] for each in drawn.values()):
        parts += ["## Where it fails"]
        parts += [_examples(drawn, "worst", examples.describe_worst)]
    if "statistics" in metrics:
        parts += ["## What it writes", _statistics(metrics["statistics"])]
    if "picture" in metrics:
        parts += ["![{text}]({file})\n\n*{text}*".format(**metrics["picture"])]
    if "training" in metrics:
        parts += ["## Trained", _training(metrics["training"])]
    if "citations" in metrics:
        parts += ["## Data", _citations(metrics["citations"])]
    parts += ["## Use", _use(path or f"pretrained/{name}", card.argument, card.example)]
    if "signatures" in metrics:
        parts += [_signatures(metrics["signatures"])]
    limits = card.limits
    if callable(limits):
        limits = limits(metrics.get("training", {}))
    parts += ["## Limits", textwrap.dedent(limits).strip()]
    parts += ["*Rendered by `evaluate` from `metrics.json`; not edited by hand.*"]
    return "\n\n".join(parts) + "\n"


def _table(evaluations):
    names = _names(evaluations)
    lines = ["| data | " + " | ".join(name.replace("_", " ") for name in names) + " |"]
    lines += ["| --- " * (len(names) + 1) + "|"]
    for source, figures in evaluations.items():
        cells = [_cell(figures[n]) if n in figures else "" for n in names]
        lines.append(f"| {source} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _names(evaluations):
    """Returns the names of all figures that were measured."""
    names = []
    for figures in evaluations.values():
        names += [key for key, value in figures.items() if _is_figure(value)]
    return list(dict.fromkeys(names))


def _explained(evaluations, known):
    """Returns what the table's figures are, a line each, of those that are known."""
    return "\n".join(
        f"- {name.replace('_', ' ')}: {known[name]}"
        for name in _names(evaluations)
        if name in known
    )


def _is_figure(value):
    return value is None or isinstance(value, int | float | str)


def _cell(value):
    if value is None:  # NaN or infinite, which no JSON holds
        return "no number"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, int):
        return f"{value:,}".replace(",", " ")
    if isinstance(value, dict):
        return ", ".join(f"{name} {_percent(share)}" for name, share in value.items())
    return value.replace("|", r"\|")


def _percent(share):
    return _cell(share) if share is None else f"{share:.1%}"


def _sample(name, command, text, drawn=""):
    told = f"{drawn}\n\n" if drawn else ""
    told += f"`{command} --model {name}`:"
    return f"{told}\n\n{_fenced(text.strip())}"


def _examples(drawn, kind, describe):
    return "\n\n".join(
        f"{describe(source, found)}\n\n{_fenced(chr(10).join(found[kind]))}"
        for source, found in drawn.items()
        if found[kind]
    )


def _fenced(text):
    # Longer than any run of them in the text, as Markdown wants it.
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}"


def _statistics(statistics):
    names = list(next(iter(statistics.values())))
    lines = ["| | " + " | ".join(statistics) + " |"]
    lines += ["| --- " * (len(statistics) + 1) + "|"]
    for name in names:
        cells = [_cell(figures[name]) for figures in statistics.values()]
        lines.append(f"| {name.replace('_', ' ')} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _training(training):
    lines = []
    for key, value in training.items():
        if key == "began_with" and isinstance(value, list):
            lines += _began_with(value)
        else:
            lines.append(_item(key, value))
    return "\n".join(lines)


def _began_with(trainings):
    """Returns which presets a training comes from, and below each how it was made."""
    lines = []
    for place, each in enumerate(trainings):
        lines.append(f"- {'which ' if place else ''}began with: {each['preset']}")
        others = (item for item in each.items() if item[0] != "preset")
        lines += [f"  {_item(*item)}" for item in others]
    return lines


def _item(key, value):
    """Returns a line of what is recorded of a training."""
    if value is None:
        value = "none"
    elif key == "command":
        value = f"`{value}`"
    elif key == "versions":
        value = ", ".join(f"{name} {version}" for name, version in value.items())
    elif isinstance(value, list):
        value = _listed(value) or "none"
    return f"- {key.replace('_', ' ')}: {value}"


def _listed(values):
    """Returns a list for people; what is a list in it is one dataset's."""
    inner = [
        (" and ".join(map(str, each)) or "none") if isinstance(each, list) else each
        for each in values
    ]
    return ", ".join(map(str, inner))


def _citations(citations):
    """Returns each data set's citation, and its terms."""
    parts = []
    for dataset, citation in citations.items():
        parts.append(f"{dataset}:\n\n```bibtex\n{citation}\n```")
        parts.append(datasets.terms(dataset.partition("/")[0]))
    return "\n\n".join(filter(None, parts))


def _signatures(signatures):
    """Returns a table of what the SavedModel's functions take and return."""
    lines = ["| function | takes | returns |", "| --- | --- | --- |"]
    for name, sides in signatures.items():
        cells = [
            ", ".join(map(_tensor, sides[side], sides[side].values()))
            for side in ("inputs", "outputs")
        ]
        lines.append(f"| `{name}` | {cells[0] or 'nothing'} | {cells[1]} |")
    told = (
        "Its functions; `*` is any size, the batch first; `…` more than one shape: a "
        "number for all rows or for each, notes or nothing."
    )
    return told + "\n\n" + "\n".join(lines)


def _tensor(name, info):
    """Returns an input or an output, its dtype and its shape, for people."""
    shape = info["shape"]
    sizes = ["…"] if shape is None else ["*" if n is None else str(n) for n in shape]
    return f"`{name}` {info['dtype']} ({', '.join(sizes)})"


def _use(folder, argument, example):
    return textwrap.dedent(f"""\
        ```python
        import tensorflow as tf

        model = tf.saved_model.load("{folder}/saved_model")
        model.signatures["serving_default"]({argument}={example})
        ```""")
