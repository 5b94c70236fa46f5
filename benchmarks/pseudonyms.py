"""What does a pseudonym cost, and how even are pseudonyms over many keys?

    python -m benchmarks.pseudonyms [KEYS]

FF1 of NIST SP 800-38G is measured beside, if libffx is installed (`pip install libffx==2.0.0`). The evenness of a range
is Pearson's chi-squared of the pseudonyms that one value gets under KEYS keys for each possible pseudonym, in standard
deviations from its mean: what is drawn evenly lies between -3 and 3.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from math import sqrt

from recorder.redaction.pseudonyms import Kind, Pseudonyms

_VALUES = 20_000
_KEYS = 60
_COSTS = {
    "5 digits": "{:05}",
    "7 digits": "{:07}",
    "10 digits": "{:010}",
    "a word of 10 characters": "Word{:06}",
    "a token of 40 characters": "{:040x}",
}
_RANGES = {"07": 9, "b": 25, "b7": 259, "17:05": 1_439}  # a value, and the number of other values in its range


def main(keys: int = _KEYS) -> None:
    """Print the costs and the evenness."""
    for name, form in _COSTS.items():
        print(f"{name}: {cost(form):.0f} µs")
    for length, microseconds in standard():
        print(f"{length} digits by FF1 (libffx): {microseconds:.0f} µs")
    for value, others in _RANGES.items():
        print(f"range of {others + 1:,}: {evenness(value, others, keys):+.1f}")


def cost(form: str) -> float:
    """Return the microseconds of CPU that a new value takes."""
    pseudonyms = Pseudonyms(bytes(range(32)))
    return _timed(lambda number: pseudonyms.of(Kind.ID, form.format(number)))


def standard() -> Iterator[tuple[int, float]]:
    """Yield numbers of digits with the microseconds that FF1 takes for them."""
    if find_spec("ffx"):
        for length in (5, 7, 10):
            yield length, _timed(ff1(10**length))


def ff1(size: int) -> Callable[[int], object]:
    """Return the permutation of a range of numbers by FF1."""
    from ffx import FF1  # type: ignore[import-not-found, unused-ignore]  # no dependency, only compared with

    cipher = FF1(bytes(range(32)), radix=10, allow_small_domain=True)
    return lambda number: cipher.encrypt_int(number % size, domain=size)


def evenness(value: str, others: int, keys: int) -> float:
    """Return how far the pseudonyms of a value are from even, in standard deviations of chi-squared."""
    made = Counter(Pseudonyms(number.to_bytes(16, "big")).of(Kind.SECRET, value) for number in range(keys * others))
    squares = sum((count - keys) ** 2 / keys for count in made.values()) + keys * (others - len(made))
    return (squares - (others - 1)) / sqrt(2 * (others - 1))


def _timed(make: Callable[[int], object]) -> float:
    begin = time.process_time()
    for number in range(_VALUES):
        make(number)
    return (time.process_time() - begin) / _VALUES * 1e6


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
