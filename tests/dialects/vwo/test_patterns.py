import contextlib
import copy
import cProfile
import gc
import pickle
import re
import warnings

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from django_vwo.dialects.vwo import patterns
from django_vwo.dialects.vwo.patterns import (
    AUTOMATON_BUDGET,
    DIRECT_BUDGET,
    Automaton,
    PatternError,
    compile_pattern,
)

thoroughly = settings(max_examples=500, deadline=None)


def automaton_of(text):
    return Automaton(patterns._parse(text))


def weigh(text, length):
    return patterns._steps(patterns._parse(text), length)


# Generated patterns.

CHARACTERS = [*"aabbA1é_ ", r"\w", r"\W", r"\d", r"\s", r"\n", ".", "[ab]", "[^a]", "[a-c0-9]"]
CHARACTERS += ["\u017f", "K", "ß", r"[\w-]", "[^\\s\U0001f600]", "[K-é]"]
ASSERTIONS = ["^", "$", r"\A", r"\Z", r"\b", r"\B"]
FLAGS = ["(?i)", "(?s)", "(?m)", "(?a)", "(?x)", "(?im)", "(?ai)"]
SCOPES = ["(?i:", "(?-i:", "(?s:", "(?m:", "(?i-s:", "(?:", "("]
FRAMES = ["{}", r"\A(?:{})\Z"]
VALUES = st.text("ab", max_size=6) | st.text(
    st.sampled_from("aabbA1éÉ_ \nsS\u017fkKßẞ\U0001f600"), max_size=8
)


def repeats(body):
    counts = st.sampled_from([(0, None), (1, None), (0, 1), (2, 2), (1, 3), (2, None), (0, 0)])
    return st.tuples(st.just("repeat"), body, counts, st.booleans())


def grow(smaller):
    parts = st.lists(smaller, max_size=3)
    return st.one_of(
        st.tuples(st.just("sequence"), parts),
        st.tuples(st.just("choice"), parts),
        st.tuples(st.just("scope"), smaller, st.sampled_from(SCOPES)),
        repeats(smaller),
    )


LEAVES = st.one_of(
    st.tuples(st.just("character"), st.sampled_from(CHARACTERS)),
    st.tuples(st.just("assertion"), st.sampled_from(ASSERTIONS)),
)
TREES = st.recursive(LEAVES, grow, max_leaves=7)


def look(inner):
    return st.tuples(st.just("look"), inner, st.sampled_from(["(?=", "(?!"]))


TREES_THAT_LOOK = st.recursive(
    LEAVES | st.just(("assertion", "(?!)")),
    lambda smaller: grow(smaller) | look(smaller),
    max_leaves=5,
)


def render(tree):
    match tree:
        case "sequence", parts:
            return "".join(map(render, parts))
        case "choice", parts:
            return f"(?:{'|'.join(map(render, parts))})"
        case (("scope" | "look"), body, opening):
            return f"{opening}{render(body)})"
        case "repeat", body, (least, most), lazy:
            most = "" if most is None else most
            return f"(?:{render(body)}){{{least},{most}}}{'?' if lazy else ''}"
        case _, text:
            return text


TEXTS = st.builds(
    lambda flags, frame, tree: flags + frame.format(render(tree)),
    st.sampled_from(["", *FLAGS]),
    st.sampled_from(FRAMES),
    TREES,
)


@thoroughly
@given(TEXTS, VALUES)
def test_the_automaton_answers_as_re_does(text, value):
    assert automaton_of(text).search(value) is (re.search(text, value) is not None)


@thoroughly
@given(TEXTS, VALUES)
def test_a_pattern_answers_as_re_does(text, value):
    assert compile_pattern(text).search(value) is (re.search(text, value) is not None)


TOKENS = [*"ab|()^$.*+?-[]", "(?:", "(?i)", "(?i:", "{2}", "{,3}", r"\b", r"\w", "(?=", "(?<!"]
TOKENS += [r"\1", "(?P<n>", "(?P=n)", "(?(1)", "[^", "\\", " "]
NOT_IN_REACH = ["?+", "*+", "++", "}+", "(?=", "(?<!", r"\1", "(?P=", "(?(1)"]


@thoroughly
@given(st.lists(st.sampled_from(TOKENS), max_size=8).map("".join), VALUES)
def test_whatever_is_written_is_answered_as_re_does_or_refused_as_re_does(text, value):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        try:
            expected = re.search(text, value) is not None
        except re.error:
            with pytest.raises(PatternError):
                compile_pattern(text)
            return
        if any(feature in text for feature in NOT_IN_REACH):
            with contextlib.suppress(PatternError):
                assert compile_pattern(text).search(value) is expected
        else:
            assert compile_pattern(text).search(value) is expected


SEMANTICS = [
    (r"\d", "٣"),
    (r"(?a)\d", "٣"),
    (r"\w", "é"),
    (r"\bé\b", "é"),
    (r"(?a)\bé", "é"),
    ("a.b", "a\nb"),
    ("(?s)a.b", "a\nb"),
    ("a(?s:.)b.", "a\nb\n"),
    ("^b", "a\nb"),
    ("(?m)^b", "a\nb"),
    ("(?m:^)b", "a\nb"),
    (r"(?m)\Ab", "a\nb"),
    ("a$", "a\n"),
    (r"a\Z", "a\n"),
    ("a$", "a\nb"),
    ("(?m)a$", "a\nb"),
    ("a$\n", "a\n"),
    ("(?i)É", "é"),
    ("(?i)s", "\u017f"),
    ("(?ai)s", "\u017f"),
    ("(?i)k", "\u212a"),
    ("(?i)[j-l]", "\u212a"),
    ("(?i)ß", "ẞ"),
    ("(?i)ss", "ß"),
    ("(?i)ΐ", "ΐ"),
    ("(?i)\U00010400", "\U00010428"),
    ("(?i)i", "İ"),
    ("(?i:a)b", "Ab"),
    ("(?i:a)b", "AB"),
    ("(?i)(?-i:a)b", "aB"),
    ("(?i)(?-i:a)b", "AB"),
    ("(?x) a  b # c", "ab"),
    ("(?x) a [ ] b", "a b"),
    ("a{2,3}?b", "aab"),
    ("a{2,3}?b", "ab"),
    ("^a{2,3}$", "aaaa"),
    ("a{,2}b", "b"),
    ("a{x", "a{x"),
    ("(?P<name>a)|b", "b"),
    ("", ""),
    ("", "a"),
    ("a", ""),
    ("ab", "aab"),
    ("aab", "aaab"),
    ("^(?:ab)*$", "ababab"),
    ("^(?:ab){,3}$", "ababab"),
    ("^(?:ab){,3}$", "abababab"),
    ("^(?:ab){2,}$", "ababab"),
    ("(?:|a)*b", "ab"),
    ("^(?:a|ab)(?:c|bcd)d*$", "abcd"),
    ("[]a]", "]"),
    ("\ud800", "\ud800"),
]


@pytest.mark.parametrize(("text", "value"), SEMANTICS)
def test_flags_classes_and_anchors_mean_the_same_on_both_roads(text, value):
    expected = re.search(text, value) is not None
    assert compile_pattern(text).search(value) is expected
    assert automaton_of(text).search(value) is expected


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [
        ("^(?!.*(bot|crawler)).*$", "Mozilla/5.0", True),
        ("^(?!.*(bot|crawler)).*$", "Googlebot/2.1", False),
        (r"^(?=.*\d)(?=.*[a-z]).{4,8}$", "abc1", True),
        (r"(?<=/)\d+", "/products/12", True),
        (r"(?<!/)\b\d+", "/12", False),
        (r"^(\w+)-\1$", "ab-ab", True),
        (r"^(?P<word>\w+)-(?P=word)$", "ab-ba", False),
        ("^(a)?(?(1)b|c)$", "ab", True),
        ("^(a)?(?(1)b)$", "b", False),
        (r"(?a:\w)+x+", "éx", False),
        (r"(?a)é(?u:\w)+x+", "ééx", True),
        (r"(?a:\W)x*", "é", False),  # as it is: a quirk of `re`
    ],
)
def test_what_only_re_can_do_is_left_to_it(text, value, found):
    pattern = compile_pattern(text)
    assert pattern.automaton is None
    assert pattern.direct_length >= 100
    assert pattern.search(value) is found is (re.search(text, value) is not None)


# The work of `re`, counted by a matcher that tries the same ways in the same order.


class Backtracker:
    def __init__(self, value, limit):
        self.value, self.limit, self.steps = value, limit, 0

    def search_in_vain(self, tree):
        """Try all ways, as `re` does if what follows never matches."""
        for start in range(len(self.value) + 1):
            for _ in self.ends(list(tree), start):
                pass

    def ends(self, items, start):
        if not items:
            yield start
            return
        for end in self.ends_of_item(*items[0], start):
            yield from self.ends(items[1:], end)

    def ends_of_item(self, op, argument, start):
        self.steps += 1
        assert self.steps <= self.limit
        parts = [list(part) for part in patterns._parts(op, argument)]
        if op in patterns._REPEATS:
            yield from self.ends_of_repeat(*argument[:2], parts[0], start, None)
        elif op in patterns._LOOKS:
            found = any(True for _ in self.ends(parts[0], start))
            if found == (op is patterns._parser.ASSERT):
                yield start
        elif parts:
            for part in parts:
                yield from self.ends(part, start)
        else:
            yield from self.end_of_leaf(op, argument, start)

    def ends_of_repeat(self, least, most, body, start, last):
        if most > 0 and (least > 0 or start != last):
            for end in self.ends(body, start):
                yield from self.ends_of_repeat(least - 1, most - 1, body, end, start)
        if least <= 0:
            yield start

    def end_of_leaf(self, op, argument, start):
        argument = tuple(argument) if isinstance(argument, list) else argument
        found = patterns._single(op, argument, re.UNICODE.value).match(self.value, start)
        if found:
            yield found.end()


@thoroughly
@given(TREES_THAT_LOOK, VALUES | st.integers(0, 12).map("a".__mul__))
def test_a_pattern_weighs_the_most_steps_that_re_can_take(tree, value):
    text = render(tree)
    weight = weigh(text, len(value))
    assume(weight <= 20_000)
    Backtracker(value, limit=weight).search_in_vain(patterns._parse(text))


WEIGHED = [
    "a*",
    "a*a*",
    "(?:a|b)(?:a|b)",
    "(a?){3}",
    "(?:a|aa){2,3}b",
    "^a*a*",
    "(?=a*)a",
    "[ab]*b",
    r"^(?:a|.|[ab]|\w){6}aaaaaaaa",
]


@pytest.mark.parametrize("text", WEIGHED)
def test_the_weight_is_not_far_above_the_steps(text):
    backtracker = Backtracker("a" * 20, limit=DIRECT_BUDGET)
    backtracker.search_in_vain(patterns._parse(text))
    assert weigh(text, 20) / 20 <= backtracker.steps <= weigh(text, 20)


@pytest.mark.parametrize(
    ("text", "longest"),
    [
        ("pricing|checkout", 102_400),
        (r"^/products/\d+$", 102_400),
        ("(?m)^a*$", 800),
        ("^(?:ab)*$", 102_400),
        (r"[\w.+-]+@example\.com", 400),
        (".*foo.*", 100),
        (r"([ab]+)\1", 200),
        (r"^(a)?(?(1)b|a*a*)", 800),
        (r"(?:\b){4000}", 800),
        ("(a+)+$", 0),
        ("(?:|a){900}", 0),
    ],
)
def test_re_searches_values_as_long_as_the_budget_allows(text, longest):
    assert compile_pattern(text).direct_length == longest


# The work of the automaton, counted by the calls that it makes.


def count_calls(function, *arguments):
    profile = cProfile.Profile()
    result = profile.runcall(function, *arguments)
    return result, sum(entry.callcount for entry in profile.getstats())


CATASTROPHES = [
    ("(a+)+$", "!"),
    ("(a|aa)+$", "!"),
    ("(.*)*x", ""),
    (r"([a-z0-9]+\.)+com", "."),
    (r"(\w+\s?)*!", "?"),
    (".*.*.*.*x", ""),
    ("(?:a?){30}a{30}b", ""),
    ("^(([a-z])+.)+[A-Z]([a-z])+$", "!"),
    (r"^(?:\b\w+\b ?)*$", "!"),
    ("(?i)(?:[^x]|É|é)*x", ""),
    ("(?:a{1,9}){1,9}b", ""),
    ("(?:" + "|" * 1900 + "a+)*!", ""),
]
MIXED = "".join(map(chr, range(0x4E00, 0x4E00 + 10_000)))


@pytest.mark.parametrize(("text", "tail"), CATASTROPHES)
def test_a_catastrophe_is_answered_within_the_budget(text, tail):
    value = "a" * 9_999 + tail
    pattern = compile_pattern(text)
    assert pattern.automaton.search(value) is False
    found, calls = count_calls(pattern.search, value)
    assert found is False
    assert calls <= 3 * AUTOMATON_BUDGET


@pytest.mark.parametrize(("text", "tail"), CATASTROPHES)
@pytest.mark.parametrize("value", [MIXED, "a b. " * 2_000], ids=["no two alike", "few"])
def test_any_value_is_answered_or_given_up_within_the_budget(text, tail, value):
    _, calls = count_calls(compile_pattern(text).search, value)
    assert calls <= 3 * AUTOMATON_BUDGET


def test_a_state_leads_only_once_to_another():
    automaton = automaton_of("(?:" + "|" * 1900 + "a+)*!")
    assert len(automaton._start.targets) == 2
    assert {len(target.targets) for target in automaton._start.targets} == {1, 2}


def test_an_automaton_gives_up_when_the_budget_is_spent():
    automaton = automaton_of("(a+)+$")
    assert automaton.search("a" * 10_000) is True
    assert automaton.search("a" * 10_000, budget=9_000) is None
    assert automaton.search("a" * 10_000 + "!", budget=90_000) is False


def test_a_repeated_situation_is_cheaper_than_a_new_one():
    automaton = automaton_of("(?:a?){30}a{30}b")
    assert automaton.search("a" * 10_000, budget=20_000) is False
    assert automaton.search(MIXED, budget=20_000) is None


@pytest.mark.parametrize("text", ["^a", "(a+)+$", "^(?!b)a"])
def test_a_value_beyond_all_budgets_does_not_match(text):
    pattern = compile_pattern(text)
    assert pattern.search("a" * 20_000) is True
    assert pattern.search("a" * 200_000) is False


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("(", "missing ), unterminated subpattern at position 0"),
        ("a**", "multiple repeat at position 2"),
        ("a{99999999999}", "the repetition number is too large"),
        ("a" * 2_001, "it has 2001 characters, at most 2000 are accepted"),
        ("(" * 101, "it has more than 100 opening parentheses"),
        ("(?i)" + "[\0-\uffff]" * 8, "its ranges hold more than 500000 characters together"),
        ("a++", "possessive repeat is not supported"),
        ("(?>a)", "atomic group is not supported"),
        (r"(\w+)\s+\1", "refers back"),
        ("(?:a+)+(?=b)", "looks around"),
        ("(?:(?:a?){99}){99}b", "more than 5000 parts"),
        ("(?:()|a){4000000000}", "more than 5000 parts"),
        ("(?:" + "|" * 1_000 + "){1000}", "more than 5000 parts"),
    ],
)
def test_what_cannot_be_searched_safely_is_refused(text, reason):
    with pytest.raises(PatternError, match=re.escape(reason)):
        compile_pattern(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100 + "a" + ")" * 100,
        "(" * 100 + "a" + ")*" * 100,
        "(?:" * 100 + "a" + "){9}" * 100,
        "(?:" * 100 + "a{0}" * 300 + "){9}" * 100,
        "(?:" + "|" * 1_900 + "){1000}",
        "(?:(?:" + "|" * 1_900 + "){50}){50}",
        "a?" * 1_000,
        "".join(f"{chr(code)}?" for code in range(0x4E00, 0x4E00 + 1_000)),
        "(?i)" + "".join(f"[{chr(code)}\U0001f600]*" for code in range(0x400, 0x400 + 390)),
        "(?i)" + "[\0-\uffff]" * 7,
        "[\U00010000-\U0010ffff]" * 390,
    ],
    ids=range(11),
)
def test_compiling_is_bounded_work_whatever_the_pattern(text):
    def attempt():
        with contextlib.suppress(PatternError):
            compile_pattern(text)

    patterns._single.cache_clear()
    re.purge()
    assert len(text) <= patterns.MAX_CHARACTERS
    assert count_calls(attempt)[1] <= 1_000_000


def test_a_pattern_is_compiled_once_as_long_as_it_is_in_use():
    pattern = compile_pattern("in use (once|again)")
    assert compile_pattern("in use (once|again)") is pattern
    del pattern
    gc.collect()
    assert "in use (once|again)" not in patterns._in_use


def test_a_set_of_all_that_is_not_ascii_is_not_too_large():
    assert compile_pattern("(?i)[\x80-\U0010ffff]").search("\U0001f600") is True


def test_a_warning_that_is_an_error_refuses_the_pattern():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PatternError, match="nested set"):
            compile_pattern("[[a]")


def test_a_refusal_names_the_pattern_and_survives_pickling():
    error = PatternError("a" * 500, "it has 500 legs")
    assert str(error).endswith("aaa… is refused: it has 500 legs.")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_pattern_can_be_copied_however_large(duplicate):
    pattern = compile_pattern("(?:a?){900}b")
    assert duplicate(pattern) == pattern
    assert duplicate(pattern).search("aab") is True
    assert repr(pattern) == "Pattern(text='(?:a?){900}b', direct_length=0)"
