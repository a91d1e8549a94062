"""The ASGI application, for servers that speak nothing else; WSGI is the faster one here."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_asgi_application()

from config.startup import refuse_unsafe_start  # noqa: E402  needs the applications loaded

refuse_unsafe_start()
