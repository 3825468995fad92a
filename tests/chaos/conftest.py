"""What is made for a process of a run, and read there alone."""

collect_ignore = ["celery_worker.py", "haste.py", "settings.py", "shopper.py", "worker.py"]
