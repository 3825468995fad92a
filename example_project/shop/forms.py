"""What visitors fill in."""

from django import forms

from .models import Order


class OrderForm(forms.ModelForm):
    """A name and an address: no order is really sent."""

    class Meta:
        model = Order
        fields = ["name", "email"]
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "name"}),
            "email": forms.EmailInput(attrs={"autocomplete": "email"}),
        }


class SignupForm(forms.Form):
    email = forms.EmailField(widget=forms.EmailInput(attrs={"autocomplete": "email"}))
