from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    name = "conversations"

    def ready(self) -> None:
        # They register the checks of `check_integrity` and the metrics.
        from conversations import integrity, metrics  # noqa: F401, PLC0415
