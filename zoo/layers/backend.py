"""What to say where Keras runs on another backend than TensorFlow."""

import keras


def require_tensorflow(owner: str) -> None:
    """Raises a RuntimeError on another backend.

    Args:
        owner: what needs TensorFlow, for the error.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise RuntimeError(
            f"{owner} is written in TensorFlow's operations, and Keras runs on "
            f"{backend!r} here. Set KERAS_BACKEND=tensorflow before keras is imported."
        )
