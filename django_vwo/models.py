"""What is kept: assignments, events on their way, ledger, breaker, settings and their fetching."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from .engine.events import Kind
from .fields import DatabaseNow, ExactCharField

ID_LENGTH = 64
NAME_LENGTH = 255


class Assignment(models.Model):
    """The variation that a visitor was assigned: the user storage."""

    visitor = ExactCharField(_("visitor"), max_length=32)
    user_id = models.TextField(_("user id"))
    assignment_key = ExactCharField(_("campaign"), max_length=NAME_LENGTH)
    variation = ExactCharField(_("variation"), max_length=NAME_LENGTH)
    created_at = models.DateTimeField(_("created"), db_default=DatabaseNow())

    class Meta:
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        constraints = [
            models.UniqueConstraint(
                fields=["visitor", "assignment_key"], name="django_vwo_one_assignment"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.assignment_key}: {self.variation}"


class EventKind(models.IntegerChoices):
    """`engine.events.Kind` for people."""

    IMPRESSION = Kind.IMPRESSION, _("impression")
    CONVERSION = Kind.CONVERSION, _("conversion")
    PUSH = Kind.PUSH, _("visitor property")


class EventStatus(models.IntegerChoices):
    """Where an event is on its way."""

    PENDING = 0, _("pending")
    SENT = 1, _("delivered")
    DEAD = 2, _("failed")
    DUPLICATE = 3, _("duplicate")
    CANCELLED = 4, _("cancelled")


class Event(models.Model):
    """An impression, a conversion or a push, and how far its delivery has got."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(_("message id"), default=uuid.uuid4, editable=False)
    kind = models.SmallIntegerField(_("kind"), choices=EventKind.choices)
    payload_version = models.SmallIntegerField(default=1)
    account_id = ExactCharField(_("account"), max_length=ID_LENGTH)
    campaign_id = ExactCharField(_("campaign id"), max_length=ID_LENGTH, blank=True)
    campaign_key = ExactCharField(_("campaign"), max_length=NAME_LENGTH, blank=True)
    variation_id = ExactCharField(_("variation id"), max_length=ID_LENGTH, blank=True)
    variation_name = ExactCharField(_("variation"), max_length=NAME_LENGTH, blank=True)
    goal_id = ExactCharField(_("goal id"), max_length=ID_LENGTH, blank=True)
    goal_identifier = ExactCharField(_("goal"), max_length=NAME_LENGTH, blank=True)
    user_id = models.TextField(_("user id"))
    visitor = ExactCharField(_("visitor"), max_length=32)
    dedup_key = ExactCharField(max_length=64, null=True, blank=True)
    occurred_at = models.DateTimeField(_("occurred"))
    revenue = models.DecimalField(
        _("revenue"), max_digits=18, decimal_places=6, null=True, blank=True
    )
    extra = models.JSONField(_("details"), default=dict, blank=True)
    status = models.SmallIntegerField(
        _("state"), choices=EventStatus.choices, default=EventStatus.PENDING
    )
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    attempts = models.SmallIntegerField(_("attempts"), default=0)
    rejections = models.SmallIntegerField(_("refused alone"), default=0)
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    sent_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    last_status = models.SmallIntegerField(_("last HTTP status"), null=True, blank=True)
    """0: the last request got no answer; None: no worker has lived to see an outcome."""
    last_error = models.CharField(_("last error"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["account_id", "due_at"], name="django_vwo_event_due"),
            models.Index(fields=["campaign_id", "goal_id", "id"], name="django_vwo_event_campaign"),
            models.Index(
                fields=["visitor", "goal_identifier", "id"], name="django_vwo_event_visitor"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.uuid}"


class KindManager(models.Manager[Any]):
    """Finds the events of one kind."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind

    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().filter(kind=self.kind)


class Impression(Event):
    """An event: a visitor was shown a variation."""

    objects: ClassVar[KindManager] = KindManager(Kind.IMPRESSION)

    class Meta:
        proxy = True
        verbose_name = _("impression")
        verbose_name_plural = _("impressions")


class Conversion(Event):
    """An event: a visitor reached a goal."""

    objects: ClassVar[KindManager] = KindManager(Kind.CONVERSION)

    class Meta:
        proxy = True
        verbose_name = _("conversion")
        verbose_name_plural = _("conversions")


class LedgerEntry(models.Model):
    """What counts once per visitor and was let through to the vendor."""

    dedup_key = ExactCharField(primary_key=True, max_length=64)
    event_uuid = models.UUIDField()
    campaign_key = ExactCharField(max_length=NAME_LENGTH, blank=True)
    created_at = models.DateTimeField(db_default=DatabaseNow())

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        indexes = [models.Index(fields=["created_at"], name="django_vwo_ledger_age")]

    def __str__(self) -> str:
        return str(self.dedup_key)


class Breaker(models.Model):
    """Whether an account's collector may be tried: one row per account, written by workers."""

    account_id = ExactCharField(_("account"), primary_key=True, max_length=ID_LENGTH)
    open_until = models.DateTimeField(_("closed to events until"), null=True, blank=True)
    failures = models.IntegerField(_("failures in a row"), default=0)
    last_error = models.CharField(_("last error"), max_length=200, blank=True)
    last_success_at = models.DateTimeField(_("last success"), null=True, blank=True)

    class Meta:
        verbose_name = _("breaker")
        verbose_name_plural = _("breakers")

    def __str__(self) -> str:
        return str(self.account_id)


class SettingsDocument(models.Model):
    """A settings document that was ever fetched: in service, superseded, or refused."""

    text = models.TextField(_("document"))
    digest = models.CharField(_("SHA-256"), max_length=64)
    origin = models.CharField(_("fetched from"), max_length=NAME_LENGTH)
    fetched_at = models.DateTimeField(_("fetched"), db_default=DatabaseNow())
    is_active = models.BooleanField(_("in service"), null=True, unique=True, editable=False)
    """True for the one in service, else None: that is how it can be unique."""
    is_withdrawn = models.BooleanField(default=False, db_default=False, editable=False)
    """Whether it was in service until somebody put another one there by hand."""
    error = models.TextField(_("why it was refused"), blank=True)
    campaign_count = models.IntegerField(
        _("running campaigns"), null=True, blank=True, editable=False
    )
    """None: the document cannot be used."""

    class Meta:
        verbose_name = _("settings document")
        verbose_name_plural = _("settings documents")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.origin}, {self.fetched_at:%Y-%m-%d %H:%M:%S} (#{self.pk})"


class SettingsFetch(models.Model):
    """How the fetching of an account's settings document goes: one row per account."""

    account_id = ExactCharField(_("account"), primary_key=True, max_length=ID_LENGTH)
    asked_at = models.DateTimeField(_("last asked for"), null=True, blank=True)
    """When somebody, the vendor's webhook say, wanted a fetch; None: nobody ever did."""
    is_webhook = models.BooleanField(_("asked for by the webhook"), default=False)
    """Whether the webhook has asked since the last fetch that succeeded started."""
    fetches = models.IntegerField(_("fetches so far"), default=0)
    """Which fetch is the last: whoever counts it up is the one who fetches."""
    is_under_way = models.BooleanField(_("under way"), default=False)
    """Whether that one has not ended yet; past `due_at` it never will."""
    started_at = models.DateTimeField(_("last started"), null=True, blank=True)
    succeeded_at = models.DateTimeField(_("last success"), null=True, blank=True)
    """When an answer last brought, or confirmed, a document that can be used."""
    failed_at = models.DateTimeField(_("last failure"), null=True, blank=True)
    failures = models.IntegerField(_("failures in a row"), default=0)
    last_error = models.CharField(_("last error"), max_length=300, blank=True)
    due_at = models.DateTimeField(_("next due"), null=True, blank=True)
    """When to fetch even if nobody asks; None: at once if that was never done, else not."""
    etag = models.CharField(max_length=200, blank=True, editable=False)
    last_modified = models.CharField(max_length=40, blank=True, editable=False)
    digest = models.CharField(max_length=64, blank=True, editable=False)
    """Of the document that the two above were given with."""
    asked_of = models.CharField(max_length=64, blank=True, editable=False)
    """A digest of address, account and key that they were given for."""
    brought_at = models.DateTimeField(_("last sent in full"), null=True, blank=True)
    """When they were given."""

    class Meta:
        verbose_name = _("settings fetch")
        verbose_name_plural = _("settings fetches")

    def __str__(self) -> str:
        return str(self.account_id)
