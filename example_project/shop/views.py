"""The pages of the shop. Everything that concerns experiments is imported from django_vwo."""

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.views.decorators.http import require_POST
from django.views.generic import FormView, ListView, TemplateView

from django_vwo.decorators import track_goal
from django_vwo.views import TrackGoalMixin

from .basket import Basket
from .forms import OrderForm, SignupForm
from .models import Order, Product, Subscriber

PRICING_LAYOUTS = {"Variation-1": "cards", "Variation-2": "per_cup"}


class HomeView(ListView):
    """The catalogue. Its template activates ``home-headline``."""

    template_name = "shop/home.html"
    queryset = Product.objects.filter(cups_a_month=None)


def pricing(request: HttpRequest) -> HttpResponse:
    """The subscriptions, laid out as the experiment says."""
    variation = request.vwo.activate("pricing-page")
    layout = PRICING_LAYOUTS.get(variation, "table")
    plans: QuerySet[Product] = Product.objects.exclude(cups_a_month=None)
    return render(request, "shop/pricing.html", {"plans": plans, "layout": layout})


@require_POST
def add_to_basket(request: HttpRequest, slug: str) -> HttpResponse:
    Basket(request).add(get_object_or_404(Product, slug=slug))
    return redirect("basket")


def basket(request: HttpRequest) -> HttpResponse:
    lines = Basket(request).lines()
    total = sum(line.total for line in lines)
    return render(request, "shop/basket.html", {"lines": lines, "total": total})


def is_placed(request: HttpRequest, response: HttpResponse) -> bool:
    """Return whether the checkout went through: a form with mistakes is shown again."""
    return hasattr(request, "order")


@track_goal(
    "checkout-complete",
    revenue=lambda request, response: request.order.total,
    when=is_placed,
)
def checkout(request: HttpRequest) -> HttpResponse:
    """The order and its conversion are one transaction (``ATOMIC_REQUESTS``)."""
    current = Basket(request)
    lines = current.lines()
    if not lines:
        return redirect("basket")
    form = OrderForm(request.POST or None)
    if form.is_valid():
        form.instance.items = ", ".join(map(str, lines))
        form.instance.total = sum(line.total for line in lines)
        form.instance.is_express = "express" in request.POST
        request.order = form.save()
        current.clear()
        request.session["order"] = request.order.pk
        return redirect("thank-you")
    total = sum(line.total for line in lines)
    return render(request, "shop/checkout.html", {"form": form, "lines": lines, "total": total})


def thank_you(request: HttpRequest) -> HttpResponse:
    order = get_object_or_404(Order, pk=request.session.get("order"))
    return render(request, "shop/thank_you.html", {"order": order})


class SignupView(FormView):
    """The newsletter. That the page was seen is a goal, too: its template tracks it."""

    template_name = "shop/signup.html"
    form_class = SignupForm
    success_url = reverse_lazy("signed-up")

    def form_valid(self, form: SignupForm) -> HttpResponse:
        Subscriber.objects.get_or_create(email=form.cleaned_data["email"])
        return super().form_valid(form)


class SignedUpView(TrackGoalMixin, TemplateView):
    """Where a new subscriber arrives."""

    template_name = "shop/signed_up.html"
    goal_identifier = "signup-complete"
