"""System checks: what is wrong, or may go wrong, with this site's configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections, router
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from .conf import AppSettings, Backend, app_settings
from .dialects import get_dialect
from .engine.errors import VWOError

MIDDLEWARE = "django_vwo.middleware.VWOMiddleware"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def error(number: int, message: str, hint: str) -> CheckMessage:
    return Error(message, hint=hint, id=f"django_vwo.E{number:03d}")


def warning(number: int, message: str, hint: str) -> CheckMessage:
    return CheckWarning(message, hint=hint, id=f"django_vwo.W{number:03d}")


def read_or_none() -> AppSettings | None:
    """Return the settings; None if they cannot be read, which `check_settings` reports."""
    try:
        return app_settings()
    except ImproperlyConfigured:
        return None


@register()
def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return what is wrong with the ``VWO`` setting by itself."""
    try:
        configured = app_settings()
    except ImproperlyConfigured as problem:
        return [error(1, str(problem), "Correct the VWO dict in the settings of the site.")]
    return [*account(configured), *document(configured), *backends(configured), *cookie(configured)]


def account(configured: AppSettings) -> Iterator[CheckMessage]:
    """Yield what is missing to know whose campaigns these are."""
    if not configured.account_id and get_dialect(configured.dialect).NEEDS_ACCOUNT_ID:
        hint = "Set VWO['ACCOUNT_ID'] to the number that the vendor shows for the account."
        yield error(2, "VWO['ACCOUNT_ID'] is missing.", hint)
    if configured.sdk_key:
        return
    if configured.settings_document is None:
        yield error(
            3,
            "VWO has neither an SDK_KEY nor a SETTINGS_DOCUMENT.",
            "Set VWO['SDK_KEY'] to the environment's key, to fetch the document and send events.",
        )


def document(configured: AppSettings) -> Iterator[CheckMessage]:
    """Yield why the document that the site starts with cannot be used."""
    from .sources.masking import masked
    from .sources.pointer import given_source
    from .sources.reading import read

    source = given_source(configured)
    if source is None:
        return
    try:
        read(source.fetch())
    except VWOError as problem:
        hint = "'manage.py vwo_settings validate FILE' tells more."
        message = f"VWO['SETTINGS_DOCUMENT'] cannot be used. {masked(str(problem))}"
        is_passing = isinstance(configured.settings_document, Path)
        yield (warning if is_passing else error)(4, message, hint)


def backends(configured: AppSettings) -> Iterator[CheckMessage]:
    """Yield what is wrong with the classes that the settings name."""
    from .recorders.base import Recorder
    from .storages.base import UserStorage

    families: list[tuple[str, Backend | None, type]] = [
        ("USER_STORAGE", configured.user_storage, UserStorage),
        ("RECORDER", configured.recorder, Recorder),
    ]
    for name, backend, family in families:
        if backend and (problem := misfit(backend, family)):
            hint = f"Name a subclass of {family.__module__}.{family.__name__}."
            yield error(5, f"VWO[{name!r}]['BACKEND'] cannot be used: {problem}.", hint)


def misfit(backend: Backend, family: type) -> str:
    """Return why *backend* is none of *family*; "" if it is one."""
    try:
        found = import_string(backend.path)
    except ImportError as problem:
        return str(problem)
    is_one = isinstance(found, type) and issubclass(found, family)
    return "" if is_one else f"{backend.path} is no {family.__name__}"


def cookie(configured: AppSettings) -> Iterator[CheckMessage]:
    """Yield why the visitor's cookie would not work."""
    taken = {
        settings.SESSION_COOKIE_NAME: "SESSION_COOKIE_NAME",
        settings.CSRF_COOKIE_NAME: "CSRF_COOKIE_NAME",
        settings.LANGUAGE_COOKIE_NAME: "LANGUAGE_COOKIE_NAME",
    }
    name = configured.cookie_name
    if name in taken:
        message = f"VWO['COOKIE_NAME'] is {name!r}, as is {taken[name]}."
        yield error(6, message, "Give the visitor's cookie a name of its own.")
    if not name or not name.isascii() or any(mark in name for mark in '()<>@,;:\\"/[]?={} \t'):
        message = f"VWO['COOKIE_NAME'] is {name!r}, which is no name of a cookie."
        yield error(7, message, "Use letters, digits, '-' and '_'.")


@register()
def check_delivery(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return what may delay, repeat or lose events."""
    configured = read_or_none()
    return [*lease(configured), *databases()] if configured else []


def lease(configured: AppSettings) -> Iterator[CheckMessage]:
    """Yield whether a worker's lease may end while it still sends."""
    if configured.lease_seconds < 4 * configured.timeout_seconds:
        yield warning(
            8,
            f"VWO['LEASE_SECONDS'] is {configured.lease_seconds:g}, less than four times "
            f"VWO['TIMEOUT_SECONDS'] ({configured.timeout_seconds:g}): a slow collector makes two "
            "workers send the same events.",
            f"Set VWO['LEASE_SECONDS'] to at least {4 * configured.timeout_seconds:g}.",
        )


def databases() -> Iterator[CheckMessage]:
    """Yield what is wrong with the database that events are recorded in."""
    from .models import Event

    alias = router.db_for_write(Event)
    business = business_alias()
    if alias != business:
        yield warning(
            9,
            f"Events are recorded in the database {alias!r}, but the site writes to {business!r}: "
            "an event may stay of a request that was rolled back, or be lost of one that was not.",
            "Let the database router send the app django_vwo to the database of the site's data.",
        )
    options = connections[alias].settings_dict.get("OPTIONS", {})
    if connections[alias].vendor == "sqlite" and options.get("transaction_mode") != "IMMEDIATE":
        yield warning(
            10,
            f"The SQLite database {alias!r} begins its transactions DEFERRED: views that read and "
            "then write fail with 'database is locked' while events are delivered.",
            "Set OPTIONS['transaction_mode'] to 'IMMEDIATE', and WAL: "
            "OPTIONS['init_command'] = 'PRAGMA journal_mode=WAL;'.",
        )


def business_alias() -> str:
    """Return the database that the site most likely writes to: that of its users."""
    if not apps.is_installed("django.contrib.auth"):
        return DEFAULT_DB_ALIAS
    return router.db_for_write(apps.get_model(settings.AUTH_USER_MODEL))


@register()
def check_middleware(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return whether ``request.vwo`` will be there."""
    if MIDDLEWARE in settings.MIDDLEWARE or any(map(is_ours, settings.MIDDLEWARE)):
        return []
    hint = f"Add {MIDDLEWARE!r} to MIDDLEWARE, after SessionMiddleware."
    return [warning(11, "VWOMiddleware is not installed: requests have no request.vwo.", hint)]


def is_ours(path: str) -> bool:
    """Return whether the middleware *path* derives from the app's own."""
    try:
        found = import_string(path)
        return isinstance(found, type) and issubclass(found, import_string(MIDDLEWARE))
    except ImportError:
        return False


@register(Tags.urls)
def check_webhook(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return whether the webhook has an address, but no secret to recognise the vendor by."""
    configured = read_or_none()
    if configured is None or configured.webhook_secret.strip() or not has_webhook():
        return []
    hint = "Set VWO['WEBHOOK_SECRET'] to the key that VWO shows where webhooks are enabled."
    return [warning(18, "The webhook has no secret: it answers 404, whoever calls it.", hint)]


def has_webhook() -> bool:
    """Return whether the site has given the webhook an address."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return False
    try:
        reverse("django_vwo:webhook")
    except NoReverseMatch:
        return False
    return True


@register(Tags.security, deploy=True)
def check_security(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return what is no mistake in development, but is one on a public site."""
    configured = read_or_none()
    return list(exposed(configured)) if configured else []


def exposed(configured: AppSettings) -> Iterator[CheckMessage]:
    """Yield what strangers could read, and what would not be sent."""
    if configured.user_id is None and not settings.SESSION_COOKIE_SECURE:
        yield warning(
            12,
            "The visitor's cookie is no more secure than the session's: both go unencrypted.",
            "Set SESSION_COOKIE_SECURE = True on a site that is served over HTTPS.",
        )
    parts = urlsplit(configured.collector_url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        yield warning(
            13,
            "VWO['COLLECTOR_URL'] is an http address: the SDK key travels without encryption.",
            "Use an https address.",
        )
    if configured.development_mode:
        yield warning(
            14,
            "VWO['DEVELOPMENT_MODE'] is on: events are recorded, but never sent.",
            "Set it to False on a site whose visitors count.",
        )
