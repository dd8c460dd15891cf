"""Seeds of draws: given, or new ones."""

import secrets


def new_seed() -> int:
    """Returns a seed that nobody knows beforehand, from 0 to 2³² - 1.

    Who draws with it can tell it, so that others may draw the same again. It doesn't
    depend on Python's, NumPy's or TensorFlow's own seeds, nor change them.
    """
    return secrets.randbelow(2**32)
