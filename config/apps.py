from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Parley"

    def ready(self) -> None:
        from config import checks  # noqa: F401, PLC0415  registers the system checks
        from core import crash_reports  # noqa: PLC0415  needs the settings

        crash_reports.start()
