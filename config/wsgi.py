"""The WSGI application that the server runs."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from typing import TYPE_CHECKING, cast

import django

django.setup(set_prefix=False)

from django.core.handlers.wsgi import WSGIHandler  # noqa: E402  needs the settings

from config.startup import refuse_unsafe_start  # noqa: E402  needs the applications loaded
from core.lanes import LanesMixin, is_of_program  # noqa: E402

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from django.http import HttpResponse


class Handler(LanesMixin, WSGIHandler):
    """Django's, with a short way for programs.

    At the start of a request Django puts away connections to the database that are too old, and does so again at its
    end: once is enough.
    """

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> HttpResponse:
        request = self.request_class(environ)
        if not is_of_program(request):
            return cast("HttpResponse", super().__call__(environ, start_response))
        response = self.get_response(request)
        cookies = [("Set-Cookie", cookie.OutputString()) for cookie in response.cookies.values()]
        start_response(f"{response.status_code} {response.reason_phrase}", [*response.items(), *cookies])
        return response


application = Handler()

refuse_unsafe_start()
