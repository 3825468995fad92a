"""Server-side experiments, feature flags and conversions for Django, on VWO FullStack."""

__version__ = "0.1.0.dev0"
