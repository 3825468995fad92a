"""Where the pages are."""

from django.templatetags.static import static
from django.urls import path
from django.views.generic import RedirectView

from . import views

urlpatterns = [
    path("", views.HomeView.as_view(), name="home"),
    path("subscriptions/", views.pricing, name="pricing"),
    path("basket/", views.basket, name="basket"),
    path("basket/add/<slug:slug>/", views.add_to_basket, name="add-to-basket"),
    path("checkout/", views.checkout, name="checkout"),
    path("thank-you/", views.thank_you, name="thank-you"),
    path("newsletter/", views.SignupView.as_view(), name="signup"),
    path("newsletter/welcome/", views.SignedUpView.as_view(), name="signed-up"),
    path("favicon.ico", RedirectView.as_view(url=static("shop/favicon.svg"))),
]
