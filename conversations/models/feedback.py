"""Feedback on a message."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models

from conversations.querysets import FeedbackQuerySet
from core.fields import JSONField, TenantForeignKey
from core.models import TenantModel, TrashableModel, VersionedModel


class Feedback(TenantModel, VersionedModel, TrashableModel):
    """What somebody thinks of a message: a rating, a comment, or whatever the client's own form collects."""

    class Rating(models.IntegerChoices):
        NEGATIVE = -1
        NEUTRAL = 0
        POSITIVE = 1

    message_id: UUID
    message = TenantForeignKey("conversations.Message", on_delete=models.CASCADE, related_name="feedback")
    rating = models.SmallIntegerField(null=True, blank=True, choices=Rating)
    comment = models.TextField(default="", blank=True)
    payload = JSONField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        db_index=False,
        related_name="+",
        editable=False,
    )

    objects = FeedbackQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "feedback"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(rating=None) | models.Q(rating__gte=-1, rating__lte=1), name="feedback_rating_range"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "-created_at", "-id"], name="feedback_by_recency"),
            models.Index(fields=["organization", "message", "-created_at", "-id"], name="feedback_by_message"),
        ]

    def __str__(self) -> str:
        return f"{self.get_rating_display() if self.rating is not None else 'Comment'} on {self.message_id}"
