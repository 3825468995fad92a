"""From what a source fetched to the campaigns in it, as far as this site may use them."""

from __future__ import annotations

from ..conf import app_settings
from ..dialects import get_dialect, spoken_in
from ..dialects.base import Pace, full_speed
from ..dialects.collecting import without_collector
from ..dialects.parsing import parse
from ..engine.entities import CampaignSet
from ..engine.errors import Description, DocumentError
from .base import Fetched


@without_collector()
def read(fetched: Fetched, pace: Pace = full_speed) -> CampaignSet:
    """
    Return the campaigns of a document.

    Raises `VWOError` if it is too large, is refused by the configured dialect, or belongs to
    another account than the configured one.
    """
    configured = app_settings()
    dialect, source = get_dialect(configured.dialect), fetched.origin
    document = parse(fetched.text, source)
    if not dialect.recognises(document) and (spoken := spoken_in(document)):
        expected = f"one of {dialect.NAME}, the dialect of VWO['DIALECT']"
        raise DocumentError(source, "it", Description(f"a document of {spoken}"), expected)
    campaigns = dialect.translate(
        document, source=source, options=configured.load_options, pace=pace
    )
    if configured.account_id and campaigns.account_id != configured.account_id:
        expected = f"{configured.account_id!r}, the account of VWO['ACCOUNT_ID']"
        raise DocumentError(fetched.origin, "accountId", campaigns.account_id, expected)
    return campaigns
