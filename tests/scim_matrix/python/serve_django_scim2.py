"""A Django project with PyPI `django-scim2`, set up as its documentation says."""

import sys

from django.urls import include, path
from django_common import configure, serve

PORT = int(sys.argv[1])
configure(
    PORT,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "people", "django_scim"],
    AUTH_USER_MODEL="people.User",
    MIDDLEWARE=["django_common.Bearer"],
    SCIM_SERVICE_PROVIDER={
        "NETLOC": f"127.0.0.1:{PORT}",
        "SCHEME": "http",
        "GROUP_MODEL": "people.models.Group",
        "AUTHENTICATION_SCHEMES": [{"type": "oauthbearertoken", "name": "Token", "description": "A bearer token"}],
    },
)
urlpatterns = [path("scim/v2/", include("django_scim.urls"))]

if __name__ == "__main__":
    serve(PORT)
