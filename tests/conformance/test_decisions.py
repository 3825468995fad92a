"""Every step of a thousand visitors on every document, next to the official SDK's."""

from __future__ import annotations

import pytest

from .comparison import Comparison
from .documents import CASES, Case
from .oracle import Oracle, RefusedError
from .outcomes import OurSide
from .plays import one_act
from .tally import WRITTEN, Tally
from .visitors import session_for

pytestmark = [pytest.mark.conformance, pytest.mark.usefixtures("quiet")]


@pytest.mark.parametrize("has_storage", [False, True], ids=["stateless", "with storage"])
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_every_step_agrees_with_the_official_sdk(
    case: Case, has_storage: bool, oracle: Oracle, tally: Tally
) -> None:
    half = case.visitors // 2
    numbers = range(half, case.visitors) if has_storage else range(half)
    sessions = [session_for(case, number) for number in numbers]

    comparison = Comparison(one_act(case, sessions, has_storage=has_storage), oracle).run()

    tally.add(WRITTEN, comparison)
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
