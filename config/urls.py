"""Parley's addresses."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt

from accounts import login, pages
from config import api_router
from config.views import ApiRoot, favicon, home
from core import problems

admin.site.site_header = "Parley"
admin.site.site_title = "Parley"
admin.site.index_title = "Conversations on record"

urlpatterns = [
    # The API comes first, and in it what is asked for most: addresses are tried in turn.
    re_path(r"^api(?:/v1)?/?$", ApiRoot.as_view(), name="api-root"),
    path("api/v1/", include(api_router.urlpatterns)),
    # The later include gives its addresses to reverse(): links carry no version.
    path("api/", include(api_router.urlpatterns)),
    # In development Django would answer an unknown address with a page of its own. A form's token is not asked for.
    re_path(r"^api(?=/)", csrf_exempt(problems.not_found)),
    path("", home, name="home"),
    path("favicon.ico", favicon, name="favicon"),
    # Log-in and log-out of the admin, before its own.
    path("admin/", include(login.admin_urls)),
    path("admin/", admin.site.urls),
    path("api-auth/", include((login.api_urls, "rest_framework"))),
    path("", include(pages.urlpatterns)),
]

handler400 = "config.views.bad_request"
handler404 = "config.views.page_not_found"
handler500 = "config.views.server_error"
