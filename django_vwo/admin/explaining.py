"""The page that explains a decision: which variation a visitor gets, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from ..engine.decision import Decision
from ..engine.entities import CampaignSet, Reason
from ..engine.errors import NoDocumentError, PausedCampaignError, VWOError
from ..engine.findings import Finding, plain
from ..explaining import VariableError, explaining_client, read_variables, user_id_of
from ..failures import describe
from ..models import SettingsDocument
from ..sources import current, history
from ..sources.base import Fetched
from ..sources.masking import masked
from ..sources.reading import read

MOST_DOCUMENTS = 20
LONGEST_VISITOR = 10_000
LONGEST_VARIABLES = 100_000
PERMISSIONS = ("django_vwo.view_assignment", "django_vwo.view_settingsdocument")
"""Either is enough."""

REASONS = {
    Reason.SET: _("The site has set this variation for the visitor."),
    Reason.FORCED: _("Whitelisting puts the visitor into this variation."),
    Reason.STORED: _("This variation is remembered for the visitor."),
    Reason.BUCKETED: _("The visitor's bucket is in the range of this variation."),
    Reason.NOT_ACTIVATED: _("The visitor was never shown this campaign."),
    Reason.SEGMENT_MISMATCH: _("The visitor is outside the campaign's segment."),
    Reason.OUTSIDE_TRAFFIC: _("The visitor is outside the campaign's share of traffic."),
    Reason.LOST_TO_GROUP: _("Another campaign of the group has the visitor, or none of them has."),
    Reason.OUTSIDE_RANGES: _("The visitor's bucket is outside the range of every variation."),
    Reason.STORAGE_NEEDED: _("A multi-armed bandit needs user storage, and there is none."),
    Reason.NO_RULE: _("No experiment and no rule of the feature is running."),
    Reason.UNKNOWN_CAMPAIGN: _("No running campaign has this key."),
    Reason.NO_DOCUMENT: _("No settings document is in service."),
    Reason.NO_CONSENT: _("The visitor did not consent."),
    Reason.ERROR: _("An error was logged."),
}


class VariablesField(forms.CharField):
    """Variables as lines; its value is a dict of texts."""

    widget = forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField", "spellcheck": "false"})

    def clean(self, value: Any) -> dict[str, str]:
        """Return the variables. Raises `ValidationError` with the number of a bad line."""
        try:
            return read_variables(str(super().clean(value)).splitlines())
        except VariableError as error:
            message = _("Line %(number)d is not of the form “name = value”.")
            raise ValidationError(message, params={"number": error.number}) from None


class ExplainForm(forms.Form):
    """Whom to explain, in which campaign of which document, with which variables."""

    required_css_class = "required"

    document = forms.ChoiceField(label=_("Settings document"), required=False)
    campaign = forms.ChoiceField(label=_("Campaign"))
    visitor = forms.CharField(
        label=_("Visitor"),
        help_text=_("A user id, or the visitor key of somebody with an assignment or an event."),
        max_length=LONGEST_VISITOR,
        strip=False,
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
    )
    custom_variables = VariablesField(
        label=_("Custom variables"),
        help_text=_("What the campaign's segment reads: “name = value”, one a line."),
        max_length=LONGEST_VARIABLES,
        required=False,
    )
    targeting_variables = VariablesField(
        label=_("Targeting variables"),
        help_text=_("What whitelisting reads: “name = value”, one a line."),
        max_length=LONGEST_VARIABLES,
        required=False,
    )
    has_storage = forms.BooleanField(
        label=_("With what is remembered of the visitor"), initial=True, required=False
    )

    def __init__(self, data: Any, documents: dict[str, str], chosen: CampaignSet | None) -> None:
        super().__init__(data, label_suffix="")
        cast(forms.ChoiceField, self.fields["document"]).choices = list(documents.items())
        cast(forms.ChoiceField, self.fields["campaign"]).choices = list(campaign_choices(chosen))


@sensitive_post_parameters()
def explain_view(request: HttpRequest, *, site: AdminSite) -> TemplateResponse:
    """Return the page. What is asked comes by POST: user ids do not belong into addresses."""
    if not any(request.user.has_perm(permission) for permission in PERMISSIONS):
        raise PermissionDenied
    documents, chosen = document_choices(), request.POST.get("document", "")
    campaigns, trouble = campaigns_of(chosen if chosen in documents else "")
    data = request.POST if request.method == "POST" else None
    form = ExplainForm(data, documents, campaigns)
    context: dict[str, Any] = {}
    if form.is_valid() and not trouble:
        context, trouble = explained(request, campaigns, form.cleaned_data)
    context |= {
        **site.each_context(request),
        "opts": SettingsDocument._meta,
        "title": _("Explain a decision"),
        "form": form,
        "trouble": trouble,
    }
    return TemplateResponse(request, "admin/django_vwo/explain.html", context)


def document_choices() -> dict[str, str]:
    """Return the documents that can be decided with, by what the form calls them."""
    origin = plain(current.in_service().origin)
    rows = history.documents().filter(error="", is_active=None).defer("text")[:MOST_DOCUMENTS]
    in_service = _("in service: %(origin)s") if origin else _("in service: none")
    return {"": in_service % {"origin": origin}, **{str(row.pk): str(row) for row in rows}}


def campaigns_of(document: str) -> tuple[CampaignSet | None, str]:
    """Return the campaigns of a document, and what is wrong if there are none."""
    row = history.documents().filter(pk=document).first() if document else None
    try:
        found = read(Fetched(text=row.text, origin=row.origin)) if row else current.current()
    except VWOError as error:
        return None, masked(str(error))
    return found, "" if found else str(REASONS[Reason.NO_DOCUMENT])


def campaign_choices(campaigns: CampaignSet | None) -> Iterable[tuple[str, str]]:
    """Yield the campaigns of a document, and features that are none, running ones first."""
    if campaigns is not None:
        known = {*campaigns.campaigns, *campaigns.features}
        yield from ((key, plain(key)) for key in sorted(known))
        for key in sorted(campaigns.paused_keys - known):
            yield key, str(_("%(campaign)s (not running)") % {"campaign": plain(key)})


def explained(
    request: HttpRequest, campaigns: CampaignSet | None, asked: dict[str, Any]
) -> tuple[dict[str, Any], str]:
    """Return what the template shows of the decision, and what went wrong if there is none."""
    try:
        if campaigns is None:
            raise NoDocumentError
        user_id = user_id_of(asked["visitor"], campaigns)
        decision = explaining_client(campaigns, has_storage=asked["has_storage"]).explain(
            asked["campaign"],
            user_id,
            custom_variables=asked["custom_variables"],
            variation_targeting_variables=asked["targeting_variables"],
        )
    except DatabaseError:
        raise
    except PausedCampaignError:
        return {}, str(_("This campaign is not running: nobody is decided on."))
    except VWOError as error:
        return {}, masked(str(error))
    except Exception as error:  # whatever the site's own user storage raises
        return {}, describe(error)
    visitor = campaigns.visitor_key(user_id)
    return {**shown(decision), "visitor": visitor, "links": links(request, visitor)}, ""


def shown(decision: Decision) -> dict[str, Any]:
    """Return what the template shows of *decision*."""
    return {
        "decision": decision,
        "sentence": REASONS[decision.reason],
        "tree": tree(decision.findings),
    }


def tree(findings: Iterable[Finding]) -> SafeString:
    """Return *findings* as nested lists; the marks are for those who see them only."""
    return format_html("<ul>{}</ul>", format_html_join("", "{}", ((item(f),) for f in findings)))


def item(finding: Finding) -> SafeString:
    """Return *finding*, and all below it, as an item of a list."""
    rest = format_html("<li>{}</li>", finding.rest) if finding.rest else ""
    parts = format_html_join("", "{}", ((item(part),) for part in finding.parts))
    below = format_html("<ul>{}{}</ul>", parts, rest) if parts or rest else ""
    return format_html(
        '<li class="{}"><span class="django-vwo-finding">{}: <b>{}</b></span>{}</li>',
        finding.answer.replace(" ", "-"),
        finding.title,
        finding.answer,
        below,
    )


def links(request: HttpRequest, visitor: str) -> dict[str, str]:
    """Return the pages with more of *visitor*, as far as they may be seen, by name."""
    names = {"event": _("Events of this visitor"), "assignment": _("Assignments of this visitor")}
    query = urlencode({"q": visitor})
    return {
        str(name): f"{reverse(f'admin:django_vwo_{model}_changelist')}?{query}"
        for model, name in names.items()
        if request.user.has_perm(f"django_vwo.view_{model}")
    }
