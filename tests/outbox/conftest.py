"""What only processes of their own may import."""

collect_ignore = ["worker_app.py", "worker_settings.py"]
