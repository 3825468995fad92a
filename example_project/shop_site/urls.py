"""The shop at the root, the admin, and the vendor's webhook."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("vwo/", include("django_vwo.urls")),
    path("", include("shop.urls")),
]
