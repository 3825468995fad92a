"""Sphinx's settings."""

from django_vwo import __version__

project = "django_vwo"
author = "the django_vwo authors"
copyright = f"2026, {author}"  # noqa: A001
release = version = __version__
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "Server-side experiments for Django", "page_width": "1000px"}
nitpicky = True
