"""The RSGI application that `manage.py serve` runs."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from config.bridge import Bridge
from config.wsgi import application as wsgi_application

application = Bridge(wsgi_application)
