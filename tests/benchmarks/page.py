"""How long each preset of the page takes to load and to answer first, and the memory.

python -m tests.benchmarks.page
"""

import argparse
import resource
import time

from tasks.cli import outputs
from tasks.demo import music, ner, sentiment, text, translation
from tasks.demo.models import Models
from tests.benchmarks import report

_TEXT = "Two dogs are playing in the snow."


def main() -> None:
    """Prints a line a preset."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    models = Models()
    for name, tab in (
        ("sentiment", sentiment),
        ("ner", ner),
        ("text", text),
        ("music", music),
        ("translation", translation),
    ):
        models.register(name, tab.load)
    print(f"{'preset':28}  load s  first answer s  memory GB")
    for preset in models.installed:
        models.get(preset.name, preset.template)
        loading = models.seconds(preset.name)
        start = time.perf_counter()
        with outputs.collected():
            _ask(models, preset)
        took = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(
            f"{preset.name:28}  {loading:6.1f}  {took:14.1f}  {used:9.2f}", flush=True
        )
    report.print_machine()


def _ask(models, preset):
    """Asks a tab its first question."""
    if preset.template == "sentiment":
        sentiment.classify(models, preset.name, _TEXT)
    elif preset.template == "ner":
        ner.tag(models, preset.name, _TEXT)
    elif preset.template == "text":
        written = text.write(models, preset.name, "The", 8)
        next(written)
        next(written)  # the first token
        written.close()
    elif preset.template == "music":
        music.compose(models, preset.name, steps=32)
    else:
        translation.translate(models, preset.name, _TEXT)


if __name__ == "__main__":
    main()
