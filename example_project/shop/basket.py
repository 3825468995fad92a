"""What a visitor is about to buy, kept in the session."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.http import HttpRequest

from .models import Product


@dataclass(frozen=True)
class Line:
    product: Product
    quantity: int

    @property
    def total(self) -> Decimal:
        return self.product.price * self.quantity

    def __str__(self) -> str:
        return f"{self.product} x {self.quantity}" if self.quantity > 1 else str(self.product)


class Basket:
    """The basket of one session: slugs and how many of each."""

    def __init__(self, request: HttpRequest) -> None:
        self.session = request.session
        self.quantities: dict[str, int] = dict(request.session.get("basket", {}))

    def add(self, product: Product) -> None:
        self.quantities[product.slug] = self.quantities.get(product.slug, 0) + 1
        self.session["basket"] = self.quantities

    def clear(self) -> None:
        self.quantities = {}
        self.session.pop("basket", None)

    @property
    def count(self) -> int:
        return sum(self.quantities.values())

    def lines(self) -> list[Line]:
        """Return what is in the basket and still sold."""
        products = Product.objects.filter(slug__in=self.quantities)
        return [Line(product, self.quantities[product.slug]) for product in products]


def context(request: HttpRequest) -> dict[str, int]:
    """Return what every template may show of the basket."""
    return {"basket_count": Basket(request).count}
