"""What it is to go in circles, by trying every period."""


def goes_in_circles(ids, cycles) -> bool:
    """Returns whether the tail of a sequence of ids does, as `Cycles` say."""
    for period in range(1, cycles.period + 1):
        needed = max(cycles.copies * period, cycles.tokens)
        tail = list(ids)[-needed:]
        if len(tail) == needed and tail[period:] == tail[:-period]:
            return True
    return False
