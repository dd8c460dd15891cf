"""How good translations are: BLEU, chrF, exact match."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from tasks.cli import extras
from tasks.translation import sorted_batches
from tasks.translation.corpus import Pairs
from zoo import kernels


def measure(translations: Sequence[str], references: Sequence[str]) -> dict:
    """Measures translations against a reference each, by sacrebleu (Post 2018).

    Args:
        translations: as they are, in their case and not split into tokens.
        references: the same, as many.

    Returns:
        `bleu` (Papineni et al. 2002) and `chrf` (chrF2; Popović 2015), from 0 to 100,
        with sacrebleu's defaults; `exact_match`, the share of the translations that are
        their reference to the character; `bleu_signature` and `chrf_signature`, which
        say how sacrebleu computed them.

    Raises:
        UserError: sacrebleu is not installed.
    """
    require_library()
    import sacrebleu

    translations, references = list(translations), list(references)
    figures = {}
    for name, metric in {"bleu": sacrebleu.BLEU(), "chrf": sacrebleu.CHRF()}.items():
        figures[name] = metric.corpus_score(translations, [references]).score
        figures[f"{name}_signature"] = str(metric.get_signature())
    same = [one == other for one, other in zip(translations, references, strict=True)]
    return {
        "bleu": figures["bleu"],
        "chrf": figures["chrf"],
        "exact_match": float(np.mean(same)),
        "bleu_signature": figures["bleu_signature"],
        "chrf_signature": figures["chrf_signature"],
    }


def error(translation: str, reference: str) -> float:
    """Returns how far a translation is from its reference: 100 less its chrF2."""
    require_library()
    import sacrebleu

    return 100.0 - sacrebleu.sentence_chrf(translation, [reference]).score


def require_library() -> None:
    """Raises a UserError where sacrebleu is not installed."""
    extras.require("sacrebleu", "translation", "Measuring translations")


def describe(figures: dict) -> str:
    """Returns what was measured, a line each."""
    return "\n".join(
        [
            f"BLEU        {figures['bleu']:.2f}  {figures['bleu_signature']}",
            f"chrF        {figures['chrf']:.2f}  {figures['chrf_signature']}",
            f"exact       {figures['exact_match']:.2%} of {figures['pairs']:,}",
            f"loss        {figures['nats']:.4f} nats per token, "
            f"{figures['tokens']:,} tokens",
            f"perplexity  {figures['perplexity']:.4f}",
        ]
    )


def cost(score: Callable, pairs: Pairs, batch_size: int) -> dict:
    """Measures what every token of translations costs, given those before it.

    Args:
        score: what `scorer` returns.
        pairs: the texts and their translations.
        batch_size: how many to take at a time.

    Returns:
        `tokens`, their number, ends included; `nats`, the mean of -log P of a token;
        `perplexity`, its exponential.
    """
    scores = list(
        sorted_batches.in_order(
            zip(pairs.texts, pairs.translations, strict=True),
            batch_size,
            lambda pair: max(len(text.encode("utf-8")) for text in pair),
            score,
        )
    )
    # Not by log P, which has the spelling of what is `<UNK>` too.
    tokens = [len(row["tokens"]) for row in scores]
    nats = np.average(np.log([row["perplexity"] for row in scores]), weights=tokens)
    return {
        "tokens": sum(tokens),
        "nats": float(nats),
        "perplexity": float(np.exp(nats)),
    }


def scorer(model):
    """Returns a function of (text, translation) pairs, which scores them.

    It returns a dict a pair: what `zoo.models.Translator.score` says, without padding.
    Its graph takes seconds to make: use one for all that a model is measured on.
    """
    texts = tf.TensorSpec([None], tf.string)
    score = tf.function(
        kernels.portable()(model.score), input_signature=[texts] * 2, autograph=False
    )

    def scored(pairs):
        sides = zip(*pairs, strict=True)
        found = score(*(tf.constant(side, tf.string) for side in sides))
        found = {name: value.numpy() for name, value in found.items()}
        return [
            {
                "log_probability": float(found["log_probability"][row]),
                "perplexity": float(found["perplexity"][row]),
                "tokens": [
                    t.decode("utf-8", "replace") for t in found["tokens"][row, :n]
                ],
                "log_probabilities": found["log_probabilities"][row, :n].tolist(),
            }
            for row, n in enumerate(found["lengths"])
        ]

    return scored


class ValidationBleu(keras.callbacks.Callback):
    """Adds `val_bleu` to the logs of each epoch: BLEU of greedy translations.

    Args:
        pairs: to translate.
        batch_size: how many at a time.
    """

    def __init__(self, pairs: Pairs, batch_size: int):
        super().__init__()
        self._pairs = pairs
        self._batch_size = batch_size
        require_library()  # to miss it now, and not after an epoch

    def on_test_end(self, logs=None):
        """Translates, with the very weights that are validated."""
        found = sorted_batches.in_order(
            self._pairs.texts,
            self._batch_size,
            lambda text: len(text.encode("utf-8")),
            self._translate,
        )
        self._bleu = measure(found, self._pairs.translations)["bleu"]

    def on_epoch_end(self, epoch, logs=None):
        """Tells BLEU, before the epoch is saved."""
        logs["val_bleu"] = self._bleu

    def _translate(self, texts):
        with kernels.portable():
            found = self.model.translate(tf.constant(texts), beam=1)["translation"]
        return [text.decode("utf-8", "replace") for text in found.numpy()]
