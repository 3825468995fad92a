"""The shop's own part of the admin."""

from django.contrib import admin

from .models import Order, Product, Subscriber


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ["name", "notes", "price", "cups_a_month"]
    prepopulated_fields = {"slug": ["name"]}


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    list_display = ["id", "placed_at", "name", "items", "total", "is_express"]
    list_filter = ["is_express"]


@admin.register(Subscriber)
class SubscriberAdmin(admin.ModelAdmin):
    list_display = ["email", "signed_up_at"]
