from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    name = "conversations"

    def ready(self) -> None:
        from conversations import integrity  # noqa: F401, PLC0415  registers the checks of `check_integrity`
