"""`manage.py check_peppers`: which of API_KEY_PEPPERS the stored keys still need."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.services.peppers import PepperUse, keys_under_bcrypt, pepper_use

MEANINGS = {
    "signs": "signs new keys",
    "accepted": "accepted",
    "missing": "not in API_KEY_PEPPERS: these keys are refused",
}


class Command(BaseCommand):
    help = "Count the usable keys that depend on each pepper; fails when some depend on one that is missing."

    def handle(self, *args: Any, **options: Any) -> None:
        uses = pepper_use()
        for use in uses:
            self.stdout.write(_line(use))
        if waiting := keys_under_bcrypt():
            self.stdout.write(f"{'bcrypt':16}  {waiting:>6} keys  imported, signed at their first use")
        if any(use.state == "missing" for use in uses):
            raise CommandError("Put the missing pepper back, or revoke the keys that need it.")


def _line(use: PepperUse) -> str:
    used = f", last used {use.last_used_at:%Y-%m-%d %H:%M} UTC" if use.last_used_at else ""
    meaning = "may be taken out" if use.state == "accepted" and not use.keys else MEANINGS[use.state]
    return f"{use.pepper_id:16}  {use.keys:>6} keys  {meaning}{used}"
