"""A report as JSON, for CI."""

from __future__ import annotations

from typing import Any

from ..sources.masking import masked
from .mixes import Mix
from .moves import Moves
from .report import Report
from .shares import Met
from .splits import Split
from .stored import Fates
from .uses import Finding

Json = dict[str, Any]


def as_json(report: Report) -> Json:
    """Return *report* in JSON's types, without secrets. Visitors are named by their key alone."""
    campaigns, fates = report.campaigns, report.fates
    return {
        "document": {
            "origin": report.origin,
            "account": campaigns.account_id,
            "running": list(campaigns.campaigns),
            "not_running": sorted(campaigns.paused_keys),
            "goals": list(campaigns.campaigns_by_goal),
            "problems": [masked(str(problem)) for problem in campaigns.problems],
        },
        "in_service": report.in_service or None,
        "changes": [
            {"kind": each.kind.name, "campaign": each.campaign_key, "text": masked(each.text)}
            for each in report.changes
        ],
        "remembered_visitors": {key: of_fates(each) for key, each in fates.items()}
        if fates is not None
        else None,
        "storage_trouble": report.storage_trouble or None,
        "mixes": [of_mix(each) for each in report.mixes],
        "moves": [of_moves(each) for each in report.moves],
        "splits": [of_split(each) for each in report.splits],
        "code": {
            "files": report.code.files,
            "not_read": [{"file": each.path, "why": each.why} for each in report.code.skipped],
            "findings": [of_finding(each) for each in report.findings],
            "unused_campaigns": list(report.unused.campaigns),
            "unused_goals": list(report.unused.goals),
        },
        "is_lacking": report.is_lacking,
    }


def of_fates(fates: Fates) -> Json:
    return {
        "total": fates.total(),
        "fates": [
            {"fate": fate.name, "now": now, "then": then, "visitors": count}
            for (fate, now, then), count in fates.counts.most_common()
        ],
        "examples": {fate.name: visitors for fate, visitors in fates.examples.items()},
    }


def of_mix(mix: Mix) -> Json:
    return {
        "campaign": mix.campaign_key,
        "visitors": dict(mix.counts),
        "weights": dict(mix.weights),
        "p_value": mix.chance,
        "is_mismatch": mix.is_mismatch,
    }


def of_moves(moves: Moves) -> Json:
    return {
        "campaign": moves.campaign_key,
        "moving": moves.moving,
        "is_exact": moves.is_exact,
        "simulated_visitors": moves.simulated,
        "shares": [of_pair(pair, share) for pair, share in moves.shares.items()],
    }


def of_pair(pair: tuple[Met, ...], share: float) -> Json:
    now, then = pair
    return {"now": now, "then": then, "share": share}


def of_split(split: Split) -> Json:
    return {
        "campaign": split.campaign_key,
        "admitted": split.admitted,
        "entering": split.entering,
        "is_exact": split.is_exact,
        "simulated_visitors": split.simulated,
        "variations": [
            {"name": arm.variation, "weight": arm.weight, "share": arm.share} for arm in split.arms
        ],
        "warnings": list(split.warnings),
    }


def of_finding(finding: Finding) -> Json:
    use = finding.use
    return {
        "file": use.path,
        "line": use.line,
        "call": use.call,
        "tag": use.tag or None,
        "verdict": finding.verdict.name,
        "text": finding.text,
    }
