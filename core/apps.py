from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        from core import checks  # noqa: F401, PLC0415  registers the system checks
        from core.online_migrations import indexes  # noqa: F401, PLC0415  registers a check of `check_integrity`
