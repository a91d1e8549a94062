"""What conversations count for those who run the server."""

from core.metrics import Counter

APPENDED = Counter("parley_messages_appended_total", "Messages that were appended to threads.")
