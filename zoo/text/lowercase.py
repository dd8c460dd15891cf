"""Letters in lower case, the same ones on every machine."""

import tensorflow as tf

# TensorFlow lower-cases as ICU does in the locale of the environment: where that is
# Turkish or Azerbaijani, an I becomes an ı, and where it is Lithuanian, the others get
# a dot more. There, these go before.
_OF_LOCALES = {
    "I": "i",
    "\u0130": "i\u0307",
    "J": "j",
    "\u012e": "\u012f",
    "\u00cc": "\u00ec",
    "\u00cd": "\u00ed",
    "\u0128": "\u0129",
}


def lower(texts: tf.Tensor) -> tf.Tensor:
    """Returns texts in lower case, as Unicode has it for no language in particular.

    Args:
        texts: string, any shape, of valid UTF-8. What is behind a NUL is left out.

    Returns:
        string, the same shape.
    """
    letters, small = list(_OF_LOCALES), list(_OF_LOCALES.values())
    is_usual = tf.reduce_all(tf.strings.lower(letters, encoding="utf-8") == small)
    texts = tf.cond(is_usual, lambda: texts, lambda: _replaced(texts))
    return tf.strings.lower(texts, encoding="utf-8")


def _replaced(texts):
    """Returns texts with small letters for those that locales have others for."""
    for letter, small in _OF_LOCALES.items():
        texts = tf.strings.regex_replace(texts, letter, small)
    return texts
