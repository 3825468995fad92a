"""What ``manage.py demo`` is made of: the shop's processes, its visitors, and the final count."""
