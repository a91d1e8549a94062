"""Files that are written while they are sent, and how a client asks for one form or the other."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from rest_framework.renderers import BaseRenderer

CONTENT_TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
"""The forms of files by their suffix."""


def download(pieces: Iterator[bytes], *, name: str, suffix: str) -> StreamingHttpResponse:
    """Answer with a file to be saved, whose name tells the moment: `audit-20261121-180000.csv`."""
    headers = {"Content-Disposition": f'attachment; filename="{name}-{timezone.now():%Y%m%d-%H%M%S}.{suffix}"'}
    return StreamingHttpResponse(pieces, content_type=CONTENT_TYPES[suffix], headers=headers)


class StreamedRenderer(BaseRenderer):
    """Names a form of files; the view writes them itself, a piece at a time."""

    charset = None


class JSONLRenderer(StreamedRenderer):
    media_type = "application/x-ndjson"
    format = "jsonl"


class CSVRenderer(StreamedRenderer):
    media_type = "text/csv"
    format = "csv"


FILES = {(200, renderer.media_type): OpenApiTypes.STR for renderer in (JSONLRenderer, CSVRenderer)}
"""How OpenAPI describes the answers."""
