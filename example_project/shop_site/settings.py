"""
Settings of the example shop.

It runs as it is, on SQLite and with a message broker made of files. ``DATABASE_URL`` and
``CELERY_BROKER_URL`` move it to PostgreSQL or MariaDB, and to Redis or RabbitMQ.
"""

import os
from pathlib import Path
from typing import Any

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("SHOP_VAR", BASE_DIR / "var"))

SECRET_KEY = os.environ.get("SECRET_KEY", "good enough on your own machine, and only there")
DEBUG = os.environ.get("DEBUG", "1") == "1"
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "127.0.0.1,localhost").split(",")
ROOT_URLCONF = "shop_site.urls"
WSGI_APPLICATION = "shop_site.wsgi.application"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
STATIC_URL = "static/"
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_vwo",
    "shop",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_vwo.middleware.VWOMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "shop.basket.context",
            ]
        },
    }
]

VAR.mkdir(parents=True, exist_ok=True)
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": VAR / "shop.sqlite3",
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL;",
            "timeout": 20,
        },
    }
}
if "DATABASE_URL" in os.environ:
    import dj_database_url

    DATABASES["default"] = {**dj_database_url.config()}
# An order and its conversion are written in one transaction: both are kept, or neither.
DATABASES["default"]["ATOMIC_REQUESTS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CELERY_TASK_DEFAULT_QUEUE = "shop"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
if "CELERY_BROKER_URL" in os.environ:
    CELERY_BROKER_URL = os.environ["CELERY_BROKER_URL"]
else:
    BROKER = VAR / "broker"
    for folder in ("messages", "control"):
        (BROKER / folder).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_URL = "filesystem://localhost"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER / "messages"),
        "data_folder_out": str(BROKER / "messages"),
        "control_folder": str(BROKER / "control"),
        "polling_interval": 0.25,
    }

# The collector of this example stands in for the vendor: start it with ``python -m collector``.
# With your own account, set VWO_ACCOUNT_ID and VWO_SDK_KEY, and VWO_COLLECTOR_URL to nothing.
# VWO_DIALECT=optimizely has the shop speak Optimizely; it is the same shop.
DIALECT = os.environ.get("VWO_DIALECT", "vwo")
VWO = {
    "DIALECT": DIALECT,
    "ACCOUNT_ID": os.environ.get("VWO_ACCOUNT_ID", "123456"),
    "SDK_KEY": os.environ.get("VWO_SDK_KEY", "demo-sdk-key"),
    "SETTINGS_DOCUMENT": BASE_DIR / f"{DIALECT}.json",
    "WEBHOOK_SECRET": os.environ.get("VWO_WEBHOOK_SECRET", "demo-webhook-secret"),
    "COLLECTOR_URL": os.environ.get("VWO_COLLECTOR_URL", "http://127.0.0.1:8765"),
}
