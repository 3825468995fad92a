"""
What a call costs, counted and not timed: the same on a busy machine and on a quiet one.

    python -m tests.guard               counts, and compares with `costs.json`
    python -m tests.guard --record      writes the counts into `costs.json`, for this Python

The rows are those of `benchmarks/decisions.py`, on documents of a dozen campaigns and of a hundred
times as many, and loading a document; it needs no Django. `test_guard.py` has the comparison among
the tests.
"""
