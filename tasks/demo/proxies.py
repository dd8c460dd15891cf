"""Past the proxies that the environment names, for which the page isn't there."""

import contextlib
import os
from collections.abc import Iterator, Sequence

_NAMES = "no_proxy", "NO_PROXY"  # the first one counts


@contextlib.contextmanager
def passed_by(hosts: Sequence[str] | None = None) -> Iterator[None]:
    """Has Gradio ask no proxy: it looks itself whether the page is up.

    Args:
        hosts: those that no proxy is asked for, besides those of the environment; by
            default all.
    """
    before = {name: os.environ.get(name) for name in _NAMES}
    given = next(filter(None, before.values()), None)
    spared = ["*"] if hosts is None else [given, *hosts]
    os.environ["no_proxy"] = ",".join(filter(None, spared))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
