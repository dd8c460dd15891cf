"""SavedModels beside those of an earlier commit: answers, loading, first call.

    git archive 9a4eb4c pretrained | tar x -C EARLIER
    python -m tests.benchmarks.serving --earlier EARLIER/pretrained [--now DIR] [NAME …]

Both SavedModels of a preset are loaded into one process and asked in turn, so that what
else runs hits both; loading and the first call are timed in a process of their own.
Texts and pieces are drawn with one seed, and a row says how long they became: what is
drawn at random has another length each time, and so takes another time.

By `--sections layers`, a layer's inference by core operations, as an export has it,
beside Keras' own `model.export`, torch and, where it is installed, ONNX Runtime.
"""

import argparse
import functools
import statistics
import tempfile
import time
from pathlib import Path

from tests.benchmarks import fresh_process, report

PRESETS = (
    "sentiment_imdb",
    "ner_wikiann_en",
    "ner_conll2002_es",
    "translation_multi30k_de_en",
    "translation_multi30k_en_de",
    "text_shakespeare",
    "music_jsb",
    "music_nottingham",
)
ROWS = (1, 64)
# Batch, steps, inputs, units.
SHAPES = (
    *((1, 30, 128, 128), (1, 230, 128, 128), (2, 100, 128, 128), (8, 60, 128, 128)),
    *((16, 60, 128, 128), (64, 200, 128, 128), (256, 30, 128, 128)),
    *((1, 500, 256, 512), (32, 100, 128, 256), (1, 8, 32, 32), (1, 1000, 64, 64)),
)
_TEXTS = {
    "sentiment": " ".join(
        ["A wonderful mess of good ideas and terrible acting ."] * 20
    ),
    "ner": "Alexander Hamilton met the French ambassador in Washington in 1790 .",
    "text": "The film",
}
# By the source's language, the last but one in a translator's name.
_SOURCES = {
    "de": "Zwei junge weiße Männer sind im Freien in der Nähe vieler Büsche.",
    "en": "Two young, white males are outside near many bushes.",
}


def asked(name: str, rows: int) -> tuple[str, dict]:
    """Returns which signature of a preset is asked, and what, by its inputs' names."""
    import tensorflow as tf

    kind = name.split("_")[0]
    numbers = {"temperature": tf.constant(1.0), "seed": tf.constant(1, tf.int64)}
    if kind == "music":
        primer = tf.zeros([rows, 8, 88])
        return "generate", {"primer": primer, "steps": tf.constant(136), **numbers}
    translated = kind == "translation"
    text = _SOURCES[name.split("_")[-2]] if translated else _TEXTS[kind]
    texts = tf.constant([text] * rows)
    if kind == "text":
        numbers |= {"top_k": tf.constant(0), "top_p": tf.constant(1.0)}
        return "generate", {"prompt": texts, "length": tf.constant(200), **numbers}
    return "serving_default", {"text": texts}


def _drawn(kind, answer):
    """Returns how much was drawn: frames of the longest piece, characters of texts."""
    import tensorflow as tf

    if kind == "music":
        return int(tf.reduce_max(answer["lengths"]))
    return int(tf.reduce_sum(tf.strings.length(answer["text"], unit="UTF8_CHAR")))


def start(path: str, name: str) -> dict:
    """Loads a SavedModel and asks it once; to be called in a fresh process.

    Returns:
        Seconds to `load` it and of the `first` call.
    """
    import tensorflow as tf

    began = time.perf_counter()
    model = tf.saved_model.load(path)
    loaded = time.perf_counter()
    signature, given = asked(name, 1)
    model.signatures[signature](**given)
    return {"load": loaded - began, "first": time.perf_counter() - loaded}


def saved_model(folder: Path, name: str) -> Path:
    """Returns the SavedModel of a preset in a folder of presets, or of SavedModels."""
    path = folder / name
    inner = path / "saved_model"
    return inner if inner.is_dir() else path


def print_presets(names, earlier: Path, now: Path, rounds: int) -> None:
    """Prints a table of answers, loading and first calls, now and earlier."""
    import tensorflow as tf

    print(
        "\n| what | earlier, ms | now, ms | now / earlier |\n| --- | --- | --- | --- |"
    )
    for name in names:
        paths = {"earlier": saved_model(earlier, name), "now": saved_model(now, name)}
        starts = {
            when: [
                fresh_process.call(start, path=str(path), name=name) for _ in range(3)
            ]
            for when, path in paths.items()
        }
        for what in ("load", "first"):
            found = {
                when: statistics.median(each[what] for each in several)
                for when, several in starts.items()
            }
            _print_row(f"{name}, {what}", found)
        models = {when: tf.saved_model.load(str(path)) for when, path in paths.items()}
        for rows in ROWS:
            signature, given = asked(name, rows)
            contestants = {
                when: functools.partial(model.signatures[signature], **given)
                for when, model in models.items()
            }
            found = report.interleaved(contestants, rounds, warm_up=2)
            what = f"{name}, {rows} at once"
            if signature == "generate":
                kind = name.split("_")[0]
                sizes = [str(_drawn(kind, run())) for run in contestants.values()]
                what += f" ({' and '.join(dict.fromkeys(sizes))} drawn)"
            _print_row(what, found)


def _print_row(what, seconds):
    ratio = seconds["now"] / seconds["earlier"]
    figures = [f"{1000 * seconds[when]:.1f}" for when in ("earlier", "now")]
    print(f"| {what} | {' | '.join(figures)} | {ratio:.2f} |", flush=True)


def print_layers(rounds: int) -> None:
    """Prints a table of LSTM's and GRU's inference, each export beside the others'."""
    heads = ("core operations", "keras export", "torch", "ONNX Runtime")
    print(f"\n| unit: batch, steps, inputs, units | {', ms | '.join(heads)}, ms |")
    print("| --- |" + " --- |" * len(heads))
    for kind in ("LSTM", "GRU"):
        for shape in SHAPES:
            with tempfile.TemporaryDirectory() as folder:
                contestants = _layers(kind, shape, Path(folder))
                found = report.interleaved(contestants, rounds, warm_up=2)
            figures = [
                f"{1000 * found[head]:.2f}" if head in found else "–" for head in heads
            ]
            print(f"| {kind} {shape} | {' | '.join(figures)} |", flush=True)


def _layers(kind, shape, folder):
    """Returns what runs a layer of a shape, by name."""
    import keras
    import numpy as np
    import tensorflow as tf

    from zoo import kernels, layers

    batch, steps, inputs, units = shape
    x = np.random.default_rng(0).normal(size=(batch, steps, inputs)).astype("float32")
    contestants = {}
    for head, library in (("core operations", layers), ("keras export", keras.layers)):
        layer = getattr(library, kind)(units, return_sequences=True)
        model = keras.Sequential([keras.Input((None, inputs)), layer])
        with kernels.portable():
            model.export(folder / head, verbose=False)
        served = tf.saved_model.load(str(folder / head))
        run = functools.partial(served.serve, tf.constant(x))
        contestants[head] = functools.partial(_held, run, served)
    return {**contestants, **_others(kind, shape, x, folder)}


def _held(run, model):
    """Runs, and holds the model that it is of."""
    return run()


def _others(kind, shape, x, folder):
    """Returns what runs torch's layer, and ONNX Runtime the same, if installed."""
    try:
        import torch
    except ImportError:
        return {}
    layer = getattr(torch.nn, kind)(shape[2], shape[3], batch_first=True).eval()
    given = torch.from_numpy(x)

    def by_torch():
        with torch.no_grad():
            return layer(given)

    try:
        import onnx  # noqa: F401 (torch exports by it)
        import onnxruntime

        path = str(folder / "layer.onnx")
        torch.onnx.export(layer, (given,), path, input_names=["x"], dynamo=False)
    except ImportError:
        return {"torch": by_torch}
    session = onnxruntime.InferenceSession(path)
    return {
        "torch": by_torch,
        "ONNX Runtime": functools.partial(session.run, None, {"x": x}),
    }


def main() -> None:
    """Prints the tables that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=PRESETS, metavar="NAME")
    parser.add_argument("--earlier", type=Path, metavar="DIR")
    parser.add_argument("--now", type=Path, default=fresh_process.ROOT / "pretrained")
    parser.add_argument("--sections", nargs="+", default=["presets", "layers"])
    parser.add_argument("--rounds", type=int, default=21)
    arguments = parser.parse_args()
    print(report.load_warning())
    if "presets" in arguments.sections:
        if arguments.earlier is None:
            parser.error("--earlier is missing: a folder of presets to compare with.")
        print_presets(
            arguments.names, arguments.earlier, arguments.now, arguments.rounds
        )
    if "layers" in arguments.sections:
        print_layers(arguments.rounds)
    report.print_machine()


if __name__ == "__main__":
    main()
