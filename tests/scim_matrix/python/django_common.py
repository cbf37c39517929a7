"""What both Django projects share: settings, who the bearer is, and serving."""

import os
import sys
import tempfile
from pathlib import Path

import django
from django.conf import settings
from django.core.servers.basehttp import run


def configure(port: int, **more) -> None:
    """Settings of a project with one database file of its own."""
    sys.path.insert(0, str(Path(__file__).parent))
    place = tempfile.mkdtemp(prefix="vestibule-matrix-")
    settings.configure(
        SECRET_KEY="a-secret-of-the-test-servers-only",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="__main__",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{place}/db.sqlite3"}},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        USE_TZ=True,
        LOGGING_CONFIG=None,
        **more,
    )
    django.setup()


class Bearer:
    """Middleware: whoever has the token of the application is the provisioning administrator."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        allowed = request.headers.get("authorization") == f"Bearer {os.environ['APP_SCIM_TOKEN']}"
        request.user = Administrator(allowed)
        return self.get_response(request)


class Administrator:
    """As much of a user as the packages look at."""

    def __init__(self, allowed: bool):
        self.is_authenticated = self.is_superuser = self.is_active = allowed
        self.is_anonymous = not allowed


def serve(port: int) -> None:
    """Makes the tables and serves until ended."""
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    call_command("migrate", run_syncdb=True, verbosity=0)
    run("127.0.0.1", port, get_wsgi_application(), threading=True)
