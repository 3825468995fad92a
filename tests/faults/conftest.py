"""What is made for a process of its own, and read there alone."""

collect_ignore = ["application.py", "preloaded.py", "site_settings.py"]
