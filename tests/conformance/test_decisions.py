"""Every step of a thousand visitors on every document, next to the official SDK's."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

import pytest

from .comparison import Comparison
from .differences import DIFFERENCES
from .documents import CASES, Case
from .oracle import Oracle, RefusedError
from .outcomes import OurSide
from .visitors import session_for

pytestmark = pytest.mark.conformance


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Leave refused arguments, of which there are thousands, out of the log."""
    logger = logging.getLogger("django_vwo")
    logger.disabled = True
    yield
    logger.disabled = False


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    with Oracle() as oracle:
        yield oracle


@pytest.fixture(scope="module")
def excused() -> Counter[str]:
    """How often each difference excused a step."""
    return Counter()


@pytest.fixture(scope="module")
def seen() -> set[str]:
    """The cases that have run."""
    return set()


@pytest.mark.parametrize("has_storage", [False, True], ids=["stateless", "with storage"])
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_every_step_agrees_with_the_official_sdk(
    case: Case, has_storage: bool, oracle: Oracle, excused: Counter[str], seen: set[str]
) -> None:
    comparison = Comparison(case, oracle, has_storage=has_storage)
    half = case.visitors // 2
    numbers = range(half, case.visitors) if has_storage else range(half)
    comparison.run([session_for(case, number) for number in numbers])
    excused.update(comparison.excused)
    seen.add(f"{case.name} {has_storage}")
    assert not comparison.disagreements, comparison.report()


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.official_document and case.name == "weights as text"],
    ids=["weights as text"],
)
def test_what_the_official_sdk_cannot_start_on_works_here(case: Case, oracle: Oracle) -> None:
    with pytest.raises(RefusedError) as refused:
        oracle.launch(case.document)
    assert refused.value.args == ("TypeError",)
    assert OurSide(case, has_storage=False).client.activate("text", "Bob") is not None


def test_every_difference_came_up(excused: Counter[str], seen: set[str]) -> None:
    if len(seen) < 2 * len(CASES):
        pytest.skip("not every case ran")
    assert not [each.name for each in DIFFERENCES if not excused[each.name]]
