"""`vwo_server.py` runs in another environment, with libraries that this one lacks."""

collect_ignore = ["vwo_server.py"]
