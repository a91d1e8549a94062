from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "ledger"

    def ready(self) -> None:
        from core.refusals import listen  # noqa: PLC0415  the models are there only now
        from ledger.services.refusals import record_access_refusal  # noqa: PLC0415

        listen(record_access_refusal)
