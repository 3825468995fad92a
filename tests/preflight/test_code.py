"""Code and templates are read, never run: what they ask of a settings document."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pytest_django import Settings

from django_vwo.preflight import files
from django_vwo.preflight.code import Code, read_code
from django_vwo.preflight.uses import Use, Verdict, findings, unused
from tests.builders import campaign, document, feature_test, goal, loaded, rollout


def written(folder: Path, **sources: str | bytes) -> Path:
    """Write modules into *folder*; ``__`` in a name stands for a slash."""
    for name, source in sources.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.encode() if isinstance(source, str) else source)
    return folder


def uses(folder: Path, source: str) -> list[Use]:
    return list(read_code([written(folder, views=source)]).uses)


def use(call: str, *campaigns: str, goals: tuple[str, ...] = (), **more: object) -> Use:
    return Use(path="", line=0, call=call, campaigns=campaigns, goals=goals, **more)  # type: ignore[arg-type]


def told(found: Use) -> tuple[object, ...]:
    return found.call, found.campaigns, found.goals, found.variables


PRELUDE = "from django_vwo.client import Client, get_client\nvwo_client = get_client()\n"
CALLS: dict[str, tuple[object, ...]] = {
    'request.vwo.activate("a")': ("activate", ("a",), (), ()),
    'self.request.vwo.activate(campaign_key="a")': ("activate", ("a",), (), ()),
    'await request.vwo.aactivate("a")': ("activate", ("a",), (), ()),
    'request.vwo.activate("a" if x else "b")': ("activate", ("a", "b"), (), ()),
    'request.vwo.activate(f"a-{x}")': ("activate", None, (), ()),
    "request.vwo.activate(*keys)": ("activate", None, (), ()),
    "request.vwo.activate(**options)": ("activate", None, (), ()),
    "request.vwo.activate(None)": ("activate", None, (), ()),
    'get_client().activate("a", user_id)': ("activate", ("a",), (), ()),
    'vwo_client.get_variation_name("a", user_id)': ("get_variation_name", ("a",), (), ()),
    'anything.is_feature_enabled("f", user_id=1)': ("is_feature_enabled", ("f",), (), ()),
    'request.vwo.get_feature_variable_value("f", "v")': (
        "get_feature_variable_value",
        ("f",),
        (),
        ("v",),
    ),
    'vwo_client.get_feature_variable_value("f", name, user_id)': (
        "get_feature_variable_value",
        ("f",),
        (),
        None,
    ),
    'request.vwo.track("g")': ("track", (), ("g",), ()),
    'request.vwo.track("g", "a")': ("track", ("a",), ("g",), ()),
    'request.vwo.track("g", ["a", "b"])': ("track", ("a", "b"), ("g",), ()),
    'request.vwo.track("g", campaigns=None, revenue_value=5)': ("track", (), ("g",), ()),
    'request.vwo.track("g", **options)': ("track", (), ("g",), ()),
    'request.vwo.track(goal_identifier="g", campaigns="a")': ("track", ("a",), ("g",), ()),
    'vwo_client.track("a", user_id, "g")': ("track", ("a",), ("g",), ()),
    'vwo_client.track(None, user_id, "g")': ("track", (), ("g",), ()),
    'get_client().atrack(["a"], user_id, goal_identifier="g")': ("track", ("a",), ("g",), ()),
    'service.track("a", user_id, "g")': ("track", ("a",), ("g",), ()),
    'service.activate("a", user_id)': ("activate", ("a",), (), ()),
    'services[0].activate("a", user_id)': ("activate", ("a",), (), ()),
    '(vwo := request.vwo).track("g")': ("track", (), ("g",), ()),
    'track_goal("g")(view)': ("track", (), ("g",), ()),
    'method_decorator(decorators.track_goal("g", campaigns="a"))': ("track", ("a",), ("g",), ()),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_is_read(tmp_path: Path, call: str) -> None:
    source = f"{PRELUDE}async def view(request, x):\n    {call}\n"
    found = uses(tmp_path, source)
    assert [told(each) for each in found] == [CALLS[call]]
    assert found[0].line == 4
    assert found[0].path.endswith("views.py")


@pytest.mark.parametrize(
    "call",
    [
        'translation.activate("de")',
        'timezone.activate("Europe/Berlin")',
        'analytics.track("signed up")',
        'analytics.track("a", {})',
        "request.vwo.activate()",
        "request.vwo.track()",
        "request.vwo.push({})",
        'track("g")',
        'request.vwo.explain("a")',
        "vwo_client.activate",
    ],
)
def test_other_calls_are_left_alone(tmp_path: Path, call: str) -> None:
    assert uses(tmp_path, f"{PRELUDE}{call}\n") == []


def test_other_libraries_are_left_alone_where_this_one_is_not_imported(tmp_path: Path) -> None:
    source = """
segment.track(user_id, "Signed up", {"plan": 1})
worker.activate("a", "b")
flags.is_feature_enabled("theirs", user_id)
"""
    assert uses(tmp_path, source) == []


def test_clients_are_known_by_what_they_were_made_from(tmp_path: Path) -> None:
    source = """
import django_vwo.client as v
class Service:
    def __init__(self, request):
        self.client = v.get_client()
        self.visitor = request.vwo
        mine: Client = v.Client({})
        self.client.track("a", 1, "g1")
        self.visitor.track("g2", "a")
        mine.track("a", 1, "g3")
        both = request.vwo
        both = v.get_client()
        both.track("g4")
"""
    assert [each.goals for each in uses(tmp_path, source)] == [("g1",), ("g2",), ("g3",)]


def test_the_goal_of_a_view_class_is_read(tmp_path: Path) -> None:
    source = """
class Thanks(views.TrackGoalMixin, TemplateView):
    goal_identifier: str = "bought"
    goal_campaigns = ["a", "b"]
class Quiet(TrackGoalMixin):
    pass
class Other:
    goal_identifier = "else"
"""
    (found,) = uses(tmp_path, source)
    assert told(found) == ("track", ("a", "b"), ("bought",), ())
    assert found.line == 3


CLIENTS = """
from django_vwo.client import get_client
client = get_client()
number = 5
"""


@pytest.mark.parametrize(
    ("statement", "receiver", "expected"),
    [
        ("from shop.vwo import client", "client", ["a", "f"]),
        ("from .vwo import client as c", "c", ["a", "f"]),
        ("from shop import vwo as v", "v.client", ["a", "f"]),
        ("from .again import client", "client", ["a", "f"]),
        ("from shop.vwo import number", "number", []),
        ("from shop.vwo import missing", "missing", []),
        ("from elsewhere import client", "client", []),
        ("from .theirs import client", "client", []),
    ],
)
def test_a_client_of_another_module_is_known_there(
    tmp_path: Path, statement: str, receiver: str, expected: list[str]
) -> None:
    calls = f'{receiver}.activate("a", user_id)\n{receiver}.is_feature_enabled("f", user_id)\n'
    folder = written(
        tmp_path,
        shop____init__="",
        shop__vwo=CLIENTS,
        shop__again="from .vwo import client\n",
        shop__theirs="from elsewhere import Client\nclient = Client()\n",
        shop__views=f"{statement}\n{calls}",
    )
    assert [each.campaigns for each in read_code([folder]).uses] == [(key,) for key in expected]


@pytest.mark.parametrize(
    ("statement", "base", "is_ours"),
    [
        ("class Near(TrackGoalMixin, View): pass", "Near", True),
        ("class Far(TrackGoalMixin): pass\nclass Near(Far): pass", "Near", True),
        ("from .bases import Bought", "Bought", True),
        ("from shop import bases", "bases.Later", True),
        ("class Loop(Loop): pass", "Loop", False),
        ("from .bases import Other", "Other", False),
        ("from elsewhere import Other", "Other", False),
    ],
)
def test_the_goal_of_a_distant_heir_is_read(
    tmp_path: Path, statement: str, base: str, is_ours: bool
) -> None:
    bases = "class Bought(TrackGoalMixin): pass\nclass Later(Bought): pass\nclass Other: pass\n"
    view = f'class Thanks(View, {base}):\n    goal_identifier = "bought"\n'
    folder = written(
        tmp_path, shop____init__="", shop__bases=bases, shop__views=f"{statement}\n{view}"
    )
    found = [each.goals for each in read_code([folder]).uses]
    assert found == ([("bought",)] if is_ours else [])


CONSTANTS = """
from typing import Final
PRICING: Final = "pricing"
BOTH = [PRICING, "other"]
ALIAS = PRICING
TWICE = "a"
TWICE = "b"
SHADOWED = "c"
COMPUTED = "a" + "b"
LOOP = LOOP
class Places(models.TextChoices):
    CHECKOUT = "checkout", _("Checkout")
class Keys:
    PAIR = "a", "b"
    NAV = "nav"
    NAV_TOO = "x"
    NAV_TOO = "y"
def view(request, SHADOWED):
    for COUNTED in (): pass
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PRICING", ("pricing",)),
        ("ALIAS", ("pricing",)),
        ("BOTH", ("pricing", "other")),
        ("Keys.NAV", ("nav",)),
        ("Keys.PAIR", ("a", "b")),
        ("Places.CHECKOUT", ("checkout",)),
        ("Keys.NAV_TOO", None),
        ("Keys.MISSING", None),
        ("TWICE", None),
        ("SHADOWED", None),
        ("COMPUTED", None),
        ("LOOP", None),
        ("UNHEARD_OF", None),
        ("settings.KEY", None),
    ],
)
def test_a_constant_is_looked_up_where_it_is_simple(
    tmp_path: Path, name: str, expected: tuple[str, ...] | None
) -> None:
    (found,) = uses(tmp_path, f"{CONSTANTS}request.vwo.activate({name})\n")
    assert found.campaigns == expected


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("from .keys import PRICING", "PRICING"),
        ("from .keys import PRICING as P", "P"),
        ("from shop.keys import PRICING", "PRICING"),
        ("from shop import keys", "keys.PRICING"),
        ("from . import keys", "keys.PRICING"),
        ("from ..shop import keys as k", "k.PRICING"),
        ("import shop.keys", "shop.keys.PRICING"),
        ("import shop.keys as k", "k.Keys.NAV"),
        ("from .again import PRICING", "PRICING"),
    ],
)
def test_a_constant_of_another_module_is_looked_up_there(
    tmp_path: Path, statement: str, name: str
) -> None:
    folder = written(
        tmp_path,
        shop____init__="",
        shop__keys=CONSTANTS,
        shop__again="from .keys import *\nfrom .keys import PRICING\n",
        shop__views=f"{statement}\nrequest.vwo.activate({name})\n",
    )
    (found,) = read_code([folder]).uses
    assert found.campaigns in (("pricing",), ("nav",))


def test_modules_that_import_each_other_in_a_circle_are_given_up(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        a="from b import KEY\nrequest.vwo.activate(KEY)\n",
        b="from a import KEY\n",
    )
    (found,) = read_code([folder]).uses
    assert found.campaigns is None


# --- Files ----------------------------------------------------------------------------------------


BROKEN: dict[str, bytes] = {
    "syntax": b"def view(:\n",
    "latin": b"x = 'caf\xe9'\n",
    "zero": b"x = '\0'\n",
    "deep": b"(" * 500 + b")" * 500,
    "deeper": b"x = " + b"-" * 100_000 + b"1",
    "encoding": b"# coding: klingon\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named_and_the_rest_is_read(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path, **{name: BROKEN[name], "views": 'request.vwo.activate("a")'})
    found = read_code([folder])
    assert [each.campaigns for each in found.uses] == [("a",)]
    (skipped,) = found.skipped
    assert skipped.path.endswith(f"{name}.py")
    assert skipped.why


def test_what_is_no_readable_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 1_000)
    written(tmp_path, huge="#" * 1_001)
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "loop.py").symlink_to(tmp_path / "loop.py")
    (tmp_path / "dangling.py").symlink_to(tmp_path / "missing")
    (tmp_path / "around").symlink_to(tmp_path)
    found = read_code([tmp_path])
    assert found.uses == ()
    whys = {Path(each.path).stem: each.why for each in found.skipped}
    assert whys["huge"] == "it has 1,001 bytes; at most 1,000"
    assert whys["pipe"] == "it is no file"
    assert whys.keys() == {"huge", "pipe", "loop", "dangling"}


def test_a_warning_of_the_compiler_is_none_of_ours(tmp_path: Path) -> None:
    assert uses(tmp_path, "x = '\\d'\n1 is 1\nrequest.vwo.activate('a')\n")


def test_a_name_that_is_no_text_can_be_told(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.py"
    with open(path, "wb") as file:
        file.write(b"(")
    (skipped,) = read_code([tmp_path]).skipped
    skipped.path.encode()


def test_what_is_not_the_sites_own_is_left_out(tmp_path: Path) -> None:
    call = 'request.vwo.activate("a")\n'
    folder = written(
        tmp_path,
        views=call,
        migrations__one=call,
        node_modules__one=call,
        env__lib__one=call,
        tests__one=call,
        test_views=call,
        **{".hidden__one": call},
    )
    (tmp_path / "env" / "pyvenv.cfg").touch()
    assert len(read_code([folder]).uses) == 1
    assert len(read_code([folder], with_tests=True).uses) == 3
    assert len(read_code([folder, folder, folder / "views.py"]).uses) == 1


def test_the_sites_own_folders_are_looked_into_by_default(
    tmp_path: Path, settings: Settings
) -> None:
    settings.BASE_DIR = tmp_path / "project"
    settings.TEMPLATES = [
        {**settings.TEMPLATES[0], "DIRS": [str(tmp_path / "pages")]},
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "NAME": "mail",
            "DIRS": [tmp_path / "mail"],
        },
    ]
    written(tmp_path / "project", views='request.vwo.activate("a")')
    for folder in ("pages", "mail"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "page.html").write_text('{% vwo_activate "b" %}')
    found = read_code()
    assert [each.campaigns for each in found.uses] == [("b",), ("b",), ("a",)]
    package = str(files.PACKAGE)
    assert not [root for root in files.code_roots() if str(root).startswith(package)]


# --- Templates ------------------------------------------------------------------------------------


def in_template(folder: Path, source: str | bytes) -> Code:
    content = source.encode() if isinstance(source, str) else source
    (folder / "page.html").write_bytes(content)
    return read_code([folder])


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ('vwo_activate "a"', ("activate", ("a",), (), ())),
        ("vwo_activate 'a' plan=user.plan as variation", ("activate", ("a",), (), ())),
        ('vwo_activate campaign_key="a"', ("activate", ("a",), (), ())),
        ("vwo_activate key", ("activate", None, (), ())),
        ('vwo_activate "a"|lower', ("activate", None, (), ())),
        ('vwo_activate _("a")', ("activate", None, (), ())),
        ('vwo_activate "a b" as c', ("activate", ("a b",), (), ())),
        ('vwo_feature_enabled "f" as on', ("is_feature_enabled", ("f",), (), ())),
        (
            'vwo_variable "f" "v" default="blue" as colour',
            ("get_feature_variable_value", ("f",), (), ("v",)),
        ),
        ('vwo_track "g"', ("track", (), ("g",), ())),
        ('vwo_track "g" "a" revenue=5', ("track", ("a",), ("g",), ())),
        ('vwo_track "g" campaigns=keys', ("track", None, ("g",), ())),
        ('vwo_track "g" None', ("track", (), ("g",), ())),
    ],
)
def test_a_tag_is_read(tmp_path: Path, tag: str, expected: tuple[object, ...]) -> None:
    (found,) = in_template(tmp_path, f"{{% load vwo %}}\n\n{{% {tag} %}}").uses
    assert told(found) == expected
    assert found.line == 3


@pytest.mark.parametrize(
    "source",
    [
        '{% verbatim %}{% vwo_activate "a" %}{% endverbatim %}',
        '{% comment "why" %}{% vwo_activate "a" %}{% endcomment %}',
        '{# {% vwo_activate "a" %} #}',
        "{% vwo_activate %}",
        '{% vwo_activate "a"',
        "{%%}{% %}{{ vwo_activate }}",
        'vwo_activate "a"',
        '{% vwo_activate x="a" %}',
    ],
)
def test_what_is_no_tag_is_left_alone(tmp_path: Path, source: str) -> None:
    assert in_template(tmp_path, source).uses == ()


@pytest.mark.parametrize(
    "source",
    ['{% vwo_activate "a %}', "{% vwo_activate _(' %}", '{% vwo_track "g" "a" "b" "c" "d" %}'],
)
def test_a_malformed_tag_is_no_obstacle(tmp_path: Path, source: str) -> None:
    in_template(tmp_path, source)


def test_a_template_in_another_encoding_is_named(tmp_path: Path) -> None:
    (skipped,) = in_template(tmp_path, b"{% vwo_activate 'caf\xe9' %}").skipped
    assert skipped.why == "it is not UTF-8 at byte 20"


# --- Against a document ---------------------------------------------------------------------------


SITE = loaded(
    document(
        campaign("test", 1),
        feature_test("feature", 2),
        rollout("rollout", 3),
        campaign("old", 4, status="PAUSED", goals=[goal("old-goal", 50)]),
    )
)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (use("activate", "test"), []),
        (use("activate", "tset"), [(Verdict.LACKING, "there is no campaign 'tset'")]),
        (use("activate", "old"), [(Verdict.PAUSED, "the campaign 'old' is not running")]),
        (
            use("activate", "feature"),
            [(Verdict.WRONG_TYPE, "the campaign 'feature' is of the type feature test")],
        ),
        (use("get_variation_name", "feature"), []),
        (
            use("is_feature_enabled", "test"),
            [(Verdict.WRONG_TYPE, "the campaign 'test' is of the type A/B test")],
        ),
        (use("get_feature_variable_value", "feature", variables=("colour",)), []),
        (
            use("get_feature_variable_value", "feature", variables=("color",)),
            [(Verdict.LACKING, "the campaign 'feature' has no variable 'color'")],
        ),
        (use("track", goals=("signup",)), []),
        (use("track", goals=("sign-up",)), [(Verdict.LACKING, "there is no goal 'sign-up'")]),
        (
            use("track", goals=("old-goal",)),
            [(Verdict.PAUSED, "no campaign with the goal 'old-goal' is running")],
        ),
        (
            use("track", "test", goals=("old-goal",)),
            [(Verdict.LACKING, "the campaign 'test' has no goal 'old-goal'")],
        ),
        (
            use("track", "rollout", goals=()),
            [(Verdict.WRONG_TYPE, "the campaign 'rollout' is of the type feature rollout")],
        ),
        (
            Use(path="", line=1, call="track", campaigns=None, goals=("sign-up",)),
            [
                (Verdict.LACKING, "there is no goal 'sign-up'"),
                (Verdict.UNREAD, "which campaign cannot be read from the code"),
            ],
        ),
    ],
    ids=str,
)
def test_a_use_is_judged(found: Use, expected: list[tuple[Verdict, str]]) -> None:
    assert [(each.verdict, each.text) for each in findings([found], SITE)] == expected


def test_what_no_code_names_is_told() -> None:
    found = unused([use("activate", "test"), use("track", goals=("signup",))], SITE)
    assert found.campaigns == ("feature", "rollout")
    assert found.goals == ("purchase",)
