"""A Django project with PyPI `django-scim2-server`, set up as its documentation says."""

import sys

from django.urls import include, path
from django_common import configure, serve

PORT = int(sys.argv[1])
configure(
    PORT,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_scim2_server"],
    MIDDLEWARE=["django_common.Bearer"],
    APPEND_SLASH=False,
)
urlpatterns = [path("scim/v2/", include("django_scim2_server.urls"))]

if __name__ == "__main__":
    serve(PORT)
