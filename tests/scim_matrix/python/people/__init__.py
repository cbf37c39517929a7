"""The Django application whose users and groups django-scim2 serves."""
