"""What is sold, to whom, and who wants to hear more."""

from django.db import models


class Product(models.Model):
    """A bag of coffee or, with cups a month, a subscription."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=60)
    notes = models.CharField(max_length=120)
    price = models.DecimalField(max_digits=6, decimal_places=2)
    colour = models.CharField(max_length=7, help_text="Of its bag, like #d9822b")
    cups_a_month = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["price"]

    def __str__(self) -> str:
        return self.name

    @property
    def pence_a_cup(self) -> int:
        """The price of one cup of a subscription, rounded."""
        return round(self.price * 100 / (self.cups_a_month or 1))


class Order(models.Model):
    """What somebody bought."""

    name = models.CharField(max_length=80)
    email = models.EmailField()
    items = models.TextField()
    total = models.DecimalField(max_digits=8, decimal_places=2)
    is_express = models.BooleanField(default=False)
    placed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Order {self.pk}"


class Subscriber(models.Model):
    """An address for the newsletter."""

    email = models.EmailField(unique=True)
    signed_up_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.email
