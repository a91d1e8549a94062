"""What Django's error pages and error reports may show."""

from __future__ import annotations

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter


class ErrorReportFilter(SafeExceptionReporterFilter):
    """Keeps what is marked as sensitive off every report, the error page of development mode included."""

    def is_active(self, request: HttpRequest | None) -> bool:
        return True
