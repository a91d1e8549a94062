"""Every route of the API, once; `config.urls` serves them under `/api/` and `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from accounts.api.urls import urlpatterns as account_urls
from agents_app.api.urls import urlpatterns as agent_urls
from conversations.api.urls import urlpatterns as conversation_urls
from ledger.api.urls import urlpatterns as ledger_urls

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(conversation_urls)),
    re_path(r"^schema/?$", SpectacularAPIView.as_view(), name="schema"),
    # It has pages, and no words for OPTIONS.
    re_path(
        r"^docs/?$",
        SpectacularSwaggerSplitView.as_view(url_name="schema", http_method_names=["get", "head"]),
        name="docs",
    ),
    path("", include(account_urls)),
    path("", include(agent_urls)),
    path("", include(ledger_urls)),
]
