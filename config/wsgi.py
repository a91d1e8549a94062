"""The WSGI application that the server runs."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup(set_prefix=False)

from django.core.handlers.wsgi import WSGIHandler  # noqa: E402  needs the settings

from config.startup import refuse_unsafe_start  # noqa: E402  needs the applications loaded
from core.lanes import LanesMixin  # noqa: E402


class Handler(LanesMixin, WSGIHandler):
    """Django's, with a short way for programs."""


application = Handler()

refuse_unsafe_start()
