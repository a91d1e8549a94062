"""Revealing a thread on its page: a form with a reason, answered by the page with what was said."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

from accounts.admin import acting_in
from conversations.admin.content import is_readable, remember_reveal
from conversations.models import Thread
from conversations.services import MAX_REASON, MIN_REASON, RevealRefused, reveal_content
from core.admin import scope_of
from core.admin.fields import check_text
from ledger.services import record_refusal, subject_of


class RevealForm(forms.Form):
    reason = forms.CharField(min_length=MIN_REASON, max_length=MAX_REASON, validators=[check_text])


def reveal_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponseRedirect:
    """Reveal the thread to the platform administrator who posts a reason, and lead to its page.

    A thread that is not there and one that may not be seen are answered as by the page itself.
    """
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    thread: Thread | None = model_admin.get_object(request, unquote(object_id))
    if thread is None:
        return cast(
            "HttpResponseRedirect",
            model_admin._get_obj_does_not_exist_redirect(request, model_admin.opts, object_id),
        )
    if request.method == "POST" and not is_readable(thread):
        if not scope_of(request).is_unlimited:
            raise PermissionDenied
        told, level = _reveal(request, thread)
        model_admin.message_user(request, told, level)
    return HttpResponseRedirect(reverse("admin:conversations_thread_change", args=[thread.pk]))


def _reveal(request: HttpRequest, thread: Thread) -> tuple[str, int]:
    """Reveal the thread, or not; return what to tell about it."""
    form = RevealForm(request.POST)
    if not form.is_valid():
        told = " ".join(map(str, form.errors["reason"]))
        return f"Nothing was revealed. The reason: {told}", messages.ERROR
    actor = acting_in(thread.organization_id, request)
    try:
        until = reveal_content(actor=actor, thread_id=thread.pk, reason=form.cleaned_data["reason"])
    except RevealRefused as error:
        record_refusal(
            organization_id=thread.organization_id,
            kind=actor.kind,
            actor_id=actor.user_id,
            label=actor.label,
            action="content.reveal_refused",
            subject=subject_of(thread, label=""),
            after={"cause": "closed"},
            once_per=thread.pk,
        )
        return f"Nothing was revealed. {error.detail}", messages.ERROR
    remember_reveal(request, thread.pk, until)
    return f"This conversation is revealed to you until {until:%H:%M} UTC.", messages.SUCCESS
