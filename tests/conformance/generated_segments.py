"""Strategies for segments: operands of every operator, values of every type, trees of any shape."""

from __future__ import annotations

from itertools import product
from typing import Any

from hypothesis import strategies as st

from .amendments import visitor_uuid
from .documents import ACCOUNT_ID, OPERANDS, VALUES

OPERATORS = (
    *("{}", "lower({})", "contains({})", "equals({})", "startswith({})", "endswith({})"),
    *("wildcard({})", "wildcard(*{}*)", "wildcard(*{})", "wildcard({}*)", "regex({})"),
    *("gt({})", "gte({})", "lt({})", "lte({})", "greaterthan({})", "lessthan({})"),
    *("greaterthanequalto({})", "lessthanequalto({})", "less_than({})", "Lower({})", "lower({}"),
    *("user({})", "lower ({})", "lower({})tail", "lower(({}))"),
)
TEXTS = (
    *("gold", "GOLD", "go", "ld", "ol", "Straße", "STRASSE", "é", "É", "İ", "\u0131", "日本", "🦊"),
    *("5", "5.0", "05", " 5 ", "-3", "12", "12.0", "12.50", "1e3", "1000", "1_000", "\u0665", "0"),
    *("true", "false", "True", "None", "inf", "nan", "-inf", "1e400", "0x10", "", " ", "*", "**"),
    *("^g.*d$", "\\d+", "(?i)gold", "(", "[", "a|b", ".", "(?>go)ld", "gold\n", "go\nld", ")"),
)
COMMON_TEXTS = ("gold", "GOLD", "go", "ld", "ol", "5", "12.0", "-3", "true", "5.0")
COMMON_VALUES = (
    "gold",
    "golden",
    "old gold",
    "GOLD",
    5,
    "5.0",
    12,
    "12.0",
    True,
    -3,
    "gold 5",
    0.5,
)
"""Texts and values that meet often."""
TYPED_VALUES: tuple[Any, ...] = (
    *VALUES,
    *TEXTS,
    *(-3.5, 0.1, 1e22, 10**20, 2**31, 1e400, -0.0, 5.000000001, (1, 2), b"gold", {"é": ["ü"]}),
)
"""What visitors bring for a variable, of every type that a call can carry."""

NAMES = ("plan", "amount", "é", "_vwo_user_id")
LISTED = ("Alice", "bob@example.com", "0007", "日本")
"""Ids that lists of users name; visitors have them now and then."""

UUIDS = tuple(visitor_uuid(ACCOUNT_ID, user_id) for user_id in LISTED)

texts = st.one_of(
    st.sampled_from(COMMON_TEXTS),
    st.sampled_from((*COMMON_TEXTS, *TEXTS)),
    st.sampled_from(TEXTS),
    st.text(max_size=3),
)
"""What stands in an operand."""

operands = st.one_of(
    st.builds(str.format, st.sampled_from(OPERATORS[:15]), st.sampled_from(COMMON_TEXTS)),
    st.builds(str.format, st.sampled_from(OPERATORS[:15]), st.sampled_from(COMMON_TEXTS)),
    st.sampled_from(OPERANDS),
    st.builds(str.format, st.sampled_from(OPERATORS), st.sampled_from(TEXTS)),
    st.builds(str.format, st.sampled_from(OPERATORS[:11]), st.text(max_size=3)),
    st.builds(str.format, st.sampled_from(OPERATORS), st.floats(-100, 100).map(str)),
)
"""Operands, of which many are no number and some no pattern."""

values = st.one_of(
    st.sampled_from(COMMON_VALUES),
    st.sampled_from(COMMON_VALUES + COMMON_VALUES),
    st.sampled_from(TYPED_VALUES),
    st.text(max_size=4),
    st.integers(-20, 20),
    st.floats(-100, 100),
)
facts = st.one_of(
    st.sampled_from(({"plan": "gold"}, None, {"plan": "gold", "amount": 12})),
    st.fixed_dictionaries({"plan": values}),
    st.dictionaries(st.sampled_from(NAMES), values, max_size=2),
)
"""Variables of a call."""

FALSE_OPERANDS = (5, None, ["gold"], True, {"a": 1}, 1.5)
user_lists = st.one_of(
    st.lists(st.sampled_from((*LISTED, *UUIDS, " Alice ", "")), max_size=3).map(",".join),
    st.sampled_from((5, None, [])),
)
GOLD = {"custom_variable": {"plan": "gold"}}
leaves = st.one_of(
    st.sampled_from((GOLD, GOLD, {"custom_variable": {"plan": "lower(GOLD)"}})),
    st.builds(
        lambda name, operand: {"custom_variable": {name: operand}},
        st.sampled_from(NAMES),
        st.one_of(*([operands] * 12), st.sampled_from(FALSE_OPERANDS)),
    ),
    st.builds(lambda listed: {"user": listed}, user_lists),
)
ODD_NODES: tuple[Any, ...] = (
    *({}, [], "gold", None, 5, {"unknown": []}, {"AND": []}, {"not": []}, {"and": {}}, {"or": {}}),
    *({"and": "ab"}, {"or": 5}, {"custom_variable": {}}, {"custom_variable": "plan"}, {"and": ""}),
    *({"custom_variable": {"plan": "gold", "amount": "5"}}, {"or": [], "and": []}, {"not": None}),
)
"""Nodes that a document should not have, of which some mean something."""


def nested(operator: str, levels: int, node: Any) -> Any:
    """Return *node* below so many operators."""
    for _ in range(levels):
        node = {operator: node if operator == "not" else [node]}
    return node


def branches(nodes: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return trees over *nodes*."""
    several = st.lists(nodes, max_size=3)
    return st.one_of(
        st.builds(lambda parts: {"and": parts}, several),
        st.builds(lambda parts: {"or": parts}, several),
        st.builds(lambda part: {"not": part}, nodes),
    )


twigs = st.one_of(*([leaves] * 6), st.sampled_from(ODD_NODES))
trees = st.one_of(twigs, branches(twigs), branches(st.one_of(twigs, branches(twigs))))
deep_trees = st.builds(
    nested,
    st.sampled_from(("not", "and", "or")),
    st.integers(98, 102),
    st.just({"or": [{}]}) | leaves,
)


def all_operands() -> list[str]:
    """Return every operator on every text."""
    pairs = product(OPERATORS, TEXTS)
    return [*dict.fromkeys([*OPERANDS, *(operator.format(text) for operator, text in pairs)])]
