"""Sphinx's settings."""

import os

import django

from django_vwo import __version__

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

project = "django_vwo"
author = "the django_vwo authors"
copyright = f"2026, {author}"  # noqa: A001
release = version = __version__
extensions = ["sphinx.ext.autodoc"]
autodoc_default_options = {"exclude-members": "apply, choose, enable, disable, campaign_type"}
exclude_patterns = ["_build"]
default_role = "literal"
html_theme = "alabaster"
html_static_path = ["_static"]
html_theme_options = {"description": "Server-side experiments for Django", "page_width": "1000px"}
