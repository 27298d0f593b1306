"""The storefront: products and orders."""
