"""A preflight report in lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from ..preflight.mixes import Mix
from ..preflight.moves import Moves
from ..preflight.report import Report
from ..preflight.shares import Met
from ..preflight.splits import Split
from ..preflight.stored import Fate, Fates
from ..preflight.uses import Verdict
from .tables import table

WORRYING = (Fate.FORCED, Fate.MOVED, Fate.OUT, Fate.LOST)
MOST_NAMES = 20


def told(report: Report) -> Iterator[str]:
    """Yield the lines of *report*, but for what the document is by itself."""
    yield from section("Changes", changes(report))
    if report.fates is None:
        yield from section("Visitors", moving(report))
    else:
        yield from section("Remembered visitors", remembered(report.fates))
        yield from section("Mix", (line for mix in report.mixes for line in mixed(mix)))
    yield from section("Split", split(report.splits))
    yield from section("Code", code(report))


def section(title: str, lines: Iterator[str]) -> Iterator[str]:
    """Yield a heading and *lines*; nothing if there are none."""
    found = list(lines)
    if found:
        yield ""
        yield title
        yield from (f"  {line}" for line in found)


def changes(report: Report) -> Iterator[str]:
    if not report.in_service:
        yield "No document is in service."
    elif not report.changes:
        yield f"It means the same as what is in service, from {report.in_service}."
    yield from map(str, report.changes)


def remembered(fates: dict[str, Fates]) -> Iterator[str]:
    """Yield a table of what becomes of remembered visitors, and what is worth to be looked at."""
    total = sum(each.total() for each in fates.values())
    if not total:
        yield "The user storage is empty."
        return
    kinds = [fate for fate in Fate if any(each.total(fate) for each in fates.values())]
    headings = ("campaign", "visitors", *(fate.value for fate in kinds))
    yield from table(
        [
            headings,
            *(
                (key, f"{each.total():,}", *(f"{each.total(fate):,}" for fate in kinds))
                for key, each in fates.items()
            ),
        ]
    )
    for key, each in fates.items():
        yield from details(key, each)


def details(key: str, fates: Fates) -> Iterator[str]:
    """Yield from where to where visitors of a campaign change, with examples."""
    for fate in WORRYING:
        moves = [(now, then, n) for (kind, now, then), n in fates.counts.items() if kind is fate]
        if not moves:
            continue
        ways = "; ".join(f"{way(now, then)} {count:,}" for now, then, count in sorted_moves(moves))
        condition = "" if fate in (Fate.FORCED, Fate.LOST) else ", if they meet the segment"
        examples = ", ".join(fates.examples[fate])
        yield f"{key}: {fate.value}{condition}: {ways} (such as {examples})"


def sorted_moves(moves: list[tuple[Met, Met, int]]) -> list[tuple[Met, Met, int]]:
    return sorted(moves, key=lambda move: (-move[2], move[0] or "", move[1] or ""))


def way(now: Met, then: Met) -> str:
    return f"{now or 'none'} -> {then or 'none'}"


def mixed(mix: Mix) -> Iterator[str]:
    """Yield what to expect of a campaign whose remembered visitors are not as the weights say."""
    if mix.is_mismatch:
        yield f"{mix.campaign_key}: sample ratio mismatch (p {mix.chance:.2g})"
        yield f"  remembered: {percents(mix.shares())}; weights: {percents(mix.weights)}"
        yield f"  after as many new visitors again: {percents(mix.shares(1))}"


def percents(shares: dict[str, float] | object) -> str:
    pairs = shares.items() if isinstance(shares, dict) else ()
    return ", ".join(f"{name} {share:.1f} %" for name, share in pairs)


def moving(report: Report) -> Iterator[str]:
    """Yield a table of how visitors change places where nobody is remembered."""
    if report.storage_trouble:
        yield f"The user storage cannot be read: {report.storage_trouble}."
    yield "As if nobody were remembered, of all who meet the segments:"
    rows = [(each.campaign_key, *cells(each)) for each in report.moves if each.moving]
    if not rows:
        yield "nobody changes variation."
        return
    yield from table([("campaign", "change", "how", "from -> to"), *rows])


def cells(moves: Moves) -> tuple[str, str, str]:
    pairs = sorted(moves.shares.items(), key=lambda pair: -pair[1])
    digits = 1 if moves.is_exact else 0
    ways = "; ".join(
        f"{way(now, then)} {share:.{digits}%}" for (now, then), share in pairs if now != then
    )
    how = "computed" if moves.is_exact else f"{moves.simulated:,} simulated"
    return f"{moves.moving:.{digits}%}", how, ways


def split(splits: Sequence[Split]) -> Iterator[str]:
    """Yield a table of how traffic will split, and what about it is not as designed."""
    if splits:
        headings = ("campaign", "enter", "weights", "split of those who enter", "how")
        yield from table([headings, *map(split_cells, splits)])
    for each in splits:
        for warning in each.warnings:
            yield f"{each.campaign_key}: {warning}"


def split_cells(split: Split) -> tuple[str, ...]:
    weights = ", ".join(f"{arm.variation} {arm.weight:g} %" for arm in split.arms)
    finer, coarser = (2, 1) if split.is_exact else (0, 0)
    real = ", ".join(f"{arm.variation} {arm.share:.{finer}%}" for arm in split.arms)
    entering = f"{split.entering:.{coarser}%}"
    counted = f"{split.simulated:,} simulated, {split.entered:,} entered"
    return split.campaign_key, entering, weights, real, "computed" if split.is_exact else counted


def code(report: Report) -> Iterator[str]:
    """Yield what the site's code asks for in vain, and what cannot be told of it."""
    ordered = sorted(report.findings, key=lambda finding: list(Verdict).index(finding.verdict))
    for verdict, found in groupby(ordered, key=lambda finding: finding.verdict):
        yield f"{verdict.value}:"
        yield from (f"  {finding}" for finding in found)
    if report.code.skipped:
        yield "files that could not be read:"
        yield from (f"  {skipped}" for skipped in report.code.skipped)
    for what, names in (
        ("campaigns", report.unused.campaigns),
        ("goals", report.unused.goals),
    ):
        if names:
            rest = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
            told = ", ".join(names[:MOST_NAMES])
            yield f"{len(names):,} {what} that no code names: {told}{rest}"
    yield f"{len(report.code.uses):,} uses in {report.code.files:,} files were looked at."
