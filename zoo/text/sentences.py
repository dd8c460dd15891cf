"""The sentences of a text, in the graph, whatever its language."""

import tensorflow as tf

from zoo.text.tokenizers import valid_utf8

_SPACE = r"[\s\p{Z}\x{200b}\x{feff}]"
_BREAK = r"[\n\r\x{0b}\x{0c}\x{85}\x{2028}\x{2029}]"
# What may stand between a mark and the space after it, and before a sentence.
_QUOTES = r"\"'\x{ab}\x{bb}\x{2018}-\x{201f}\x{2039}\x{203a}"
_AFTER = rf"[{_QUOTES})\]}}*_]*"
_BEFORE = rf"[{_QUOTES}(\[{{*_\x{{bf}}\x{{a1}}\x{{2013}}\x{{2014}}-]*{_SPACE}?"
_MARK = r"[.!?\x{2026}\x{61f}\x{964}]"
# Of scripts that have no spaces between sentences.
_WIDE = (
    r"([\x{3002}\x{ff01}\x{ff1f}\x{ff61}]+[\x{300d}\x{300f}\x{ff09}\x{2019}\x{201d}]*)"
)
_NO_LETTER = r"(^|[^\p{L}\p{M}\p{N}])"
# Before a name or a clause that goes on; what also ends sentences ("etc.") is not here.
_ABBREVIATIONS = (
    "Dr|Prof|Mr|Mrs|Ms|St|Hr|Hrn|Fr|Frl|Sr|Sra|Srta|Mme|Mlle|Rev|Gen|Col|Capt|Lt|Sgt"
    "|Sen|Gov|Rep|Dipl|Ing|Mag|Hrsg|bzw|ca|evtl|ggf|inkl|exkl|vgl|sog|bspw|zzgl|vs"
    "|approx|resp|geb|gest|cf|et al"
)
# Only before a number, for some are words and names too.
_BEFORE_NUMBERS = (
    "Nr|No|Nos|no|nos|Art|Abb|Abs|Bd|Kap|Fig|Figs|fig|Vol|vol|Tel|pp|Jan|Feb|Mar|M\u00e4r"
    "|Apr|Jun|Jul|Aug|Sep|Sept|Okt|Oct|Nov|Dez|Dec"
)
# Points that end no sentence, of initials, `z. B.` and `U.S.`; of ordinals and dates,
# `3.` and `XIV.`; and of abbreviations.
_NO_ENDS = (
    rf"{_NO_LETTER}(\p{{L}})\.",
    rf"{_NO_LETTER}(\p{{L}})\.",  # each second one of a row was the first's neighbour
    r"(^|[^\p{L}\p{M}\p{N}.,:\x{2019}'])(\p{Nd}{1,2}|[IVX]+)\.",
    rf"{_NO_LETTER}({_ABBREVIATIONS})\.",
)


def split_sentences(texts: tf.Tensor) -> tf.RaggedTensor:
    r"""Splits texts into their sentences.

    A sentence ends at a line break, and after `.`, `!`, `?` or `…`, with the quotes
    and brackets that follow, where white space comes and then a capital, a digit or a
    letter of a script without capitals; in a line without any capital, any letter. `。`
    and its like end one wherever they are. No sentence ends after a single letter
    (`z. B.`, `U.S.`, `J. S. Bach`), a number of one or two digits or a Roman one
    (`am 3. Mai`, `Ludwig XIV.`), titles as `Dr.` and some abbreviations more: rather
    two sentences are left together than one is cut.

    Args:
        texts: string, (batch,).

    Returns:
        string, ragged (batch, sentences): without white space around them, none of
        them empty, in their order. Of a single sentence the text as it was given, white
        space included; of white space nothing.
    """
    lines = tf.strings.regex_replace(valid_utf8(texts), _BREAK, "\n")
    lines = tf.strings.split(lines, sep="\n")
    # No line holds "\n" or "\r": they mark ends, and points that are none.
    marked = tf.ragged.map_flat_values(_mark, lines)
    rows, marked = marked.value_rowids(), marked.values
    parts = tf.strings.split(marked, sep="\n")
    rows, parts = tf.gather(rows, parts.value_rowids()), parts.values
    parts = tf.strings.regex_replace(parts, "\r", ".")
    parts = tf.strings.regex_replace(parts, rf"\A{_SPACE}+|{_SPACE}+\z", "")
    some = parts != ""
    rows, parts = tf.boolean_mask(rows, some), tf.boolean_mask(parts, some)
    counts = tf.math.unsorted_segment_sum(tf.ones_like(rows), rows, tf.size(texts))
    parts = tf.where(tf.gather(counts, rows) == 1, tf.gather(texts, rows), parts)
    return tf.RaggedTensor.from_row_lengths(parts, counts, validate=False)


def _mark(lines):
    r"""Returns lines with "\n" between sentences, and "\r" for points that end none."""
    for pattern in _NO_ENDS:
        lines = tf.strings.regex_replace(lines, pattern, "\\1\\2\r")
    numbered = rf"{_NO_LETTER}({_BEFORE_NUMBERS})\.({_SPACE}*\p{{N}})"
    lines = tf.strings.regex_replace(lines, numbered, "\\1\\2\r\\3")
    lines = tf.strings.regex_replace(lines, _WIDE, "\\1\n")
    end = rf"({_MARK}{_AFTER}){_SPACE}+({_BEFORE}[\p{{Lu}}\p{{Lt}}\p{{Lo}}\p{{N}}%s])"
    small = tf.strings.regex_full_match(lines, r"(?s)[^\p{Lu}\p{Lt}]*")
    return tf.where(
        small,
        tf.strings.regex_replace(lines, end % r"\p{Ll}", "\\1\n\\2"),
        tf.strings.regex_replace(lines, end % "", "\\1\n\\2"),
    )
