"""Harbour Coffee: a small shop that tests its prices, its navigation and its checkout."""
