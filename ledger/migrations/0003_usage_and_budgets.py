import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_users_organizations_and_keys"),
        ("ledger", "0002_audit_is_append_only"),
    ]

    operations = [
        migrations.CreateModel(
            name="Budget",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("name", models.CharField(max_length=255)),
                ("domain_id", models.UUIDField(blank=True, null=True)),
                ("agent_id", models.UUIDField(blank=True, null=True)),
                (
                    "period",
                    models.CharField(
                        choices=[("day", "A day in UTC"), ("month", "A month in UTC"), ("total", "All time")],
                        max_length=10,
                    ),
                ),
                ("limit_units", models.BigIntegerField(help_text="Ten-billionths of a US dollar.")),
                ("warn_at_percent", models.PositiveSmallIntegerField(default=80)),
                (
                    "is_hard",
                    models.BooleanField(default=False, help_text="Stops further calls once the limit is reached."),
                ),
                ("is_active", models.BooleanField(default=True)),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["organization", "-updated_at", "-id"], name="budget_by_recency")],
                "constraints": [
                    models.UniqueConstraint(fields=("organization", "name"), name="budget_name_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("domain_id", None), ("agent_id", None), _connector="OR"),
                        name="budget_has_one_scope",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("limit_units__gte", 0), ("limit_units__lte", 1000000000000000000)),
                        name="budget_limit_bounded",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("warn_at_percent__gte", 1), ("warn_at_percent__lte", 100)),
                        name="budget_warning_is_percent",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PriceOverride",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("provider", models.CharField(max_length=50)),
                ("model", models.CharField(max_length=100)),
                ("input_price_units", models.BigIntegerField()),
                ("output_price_units", models.BigIntegerField()),
                ("cached_input_price_units", models.BigIntegerField(null=True)),
                ("reasoning_price_units", models.BigIntegerField(null=True)),
                ("valid_from", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["organization", "-updated_at", "-id"], name="price_override_by_recency")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "provider", "model", "valid_from"), name="price_override_unique"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("input_price_units__isnull", True),
                            models.Q(("input_price_units__gte", 0), ("input_price_units__lte", 1000000000000000000)),
                            _connector="OR",
                        ),
                        name="price_override_input_bounded",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("output_price_units__isnull", True),
                            models.Q(("output_price_units__gte", 0), ("output_price_units__lte", 1000000000000000000)),
                            _connector="OR",
                        ),
                        name="price_override_output_bounded",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("cached_input_price_units__isnull", True),
                            models.Q(
                                ("cached_input_price_units__gte", 0),
                                ("cached_input_price_units__lte", 1000000000000000000),
                            ),
                            _connector="OR",
                        ),
                        name="price_override_cached_input_bounded",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("reasoning_price_units__isnull", True),
                            models.Q(
                                ("reasoning_price_units__gte", 0), ("reasoning_price_units__lte", 1000000000000000000)
                            ),
                            _connector="OR",
                        ),
                        name="price_override_reasoning_bounded",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="UsageRecord",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("thread_id", models.UUIDField(null=True)),
                ("message_id", models.UUIDField(null=True)),
                ("agent_id", models.UUIDField(null=True)),
                ("domain_id", models.UUIDField(null=True)),
                ("user_id", models.UUIDField(null=True)),
                ("key_id", models.UUIDField(null=True)),
                ("provider", models.CharField(max_length=50)),
                ("model", models.CharField(max_length=100)),
                ("input_tokens", models.BigIntegerField(default=0)),
                ("output_tokens", models.BigIntegerField(default=0)),
                (
                    "cached_input_tokens",
                    models.BigIntegerField(default=0, help_text="Those of the input tokens read from a cache."),
                ),
                (
                    "reasoning_tokens",
                    models.BigIntegerField(default=0, help_text="Those of the output tokens spent on reasoning."),
                ),
                (
                    "latency_ms",
                    models.BigIntegerField(help_text="From the request to the last token, in milliseconds.", null=True),
                ),
                (
                    "cost_units",
                    models.BigIntegerField(
                        help_text="Ten-billionths of a US dollar; empty where the price is not known.", null=True
                    ),
                ),
                (
                    "price_source",
                    models.CharField(
                        default="", help_text="reported, override, or the price list with its version.", max_length=50
                    ),
                ),
                (
                    "price_date",
                    models.DateField(
                        help_text="The day of the price list, or from which the override holds.", null=True
                    ),
                ),
                ("external_id", models.CharField(max_length=255, null=True)),
                (
                    "fingerprint",
                    models.CharField(
                        default="",
                        help_text="SHA-256 of the report, in hex; for reports with an external id.",
                        max_length=64,
                    ),
                ),
                ("metadata", models.JSONField(default=dict)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, help_text="When the model was called."),
                ),
                ("recorded_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["organization", "created_at", "id", "cost_units"], name="usage_by_time"),
                    models.Index(
                        fields=["organization", "domain_id", "created_at", "id", "cost_units"], name="usage_by_domain"
                    ),
                    models.Index(
                        fields=["organization", "agent_id", "created_at", "id", "cost_units"], name="usage_by_agent"
                    ),
                    models.Index(fields=["organization", "thread_id", "created_at", "id"], name="usage_by_thread"),
                    models.Index(fields=["organization", "user_id", "created_at", "id"], name="usage_by_user"),
                    models.Index(fields=["organization", "key_id", "created_at", "id"], name="usage_by_key"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("organization", "external_id"), name="usage_external_id_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("input_tokens__gte", 0), ("input_tokens__lte", 1000000000)),
                        name="usage_input_tokens_bounded",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("output_tokens__gte", 0), ("output_tokens__lte", 1000000000)),
                        name="usage_output_tokens_bounded",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cached_input_tokens__gte", 0), ("cached_input_tokens__lte", 1000000000)),
                        name="usage_cached_input_tokens_bounded",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reasoning_tokens__gte", 0), ("reasoning_tokens__lte", 1000000000)),
                        name="usage_reasoning_tokens_bounded",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cached_input_tokens__lte", models.F("input_tokens"))),
                        name="usage_cached_within_input",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reasoning_tokens__lte", models.F("output_tokens"))),
                        name="usage_reasoning_within_output",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("latency_ms", None),
                            models.Q(("latency_ms__gte", 0), ("latency_ms__lte", 1000000000)),
                            _connector="OR",
                        ),
                        name="usage_latency_bounded",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("cost_units", None),
                            models.Q(("cost_units__gte", 0), ("cost_units__lte", 9999999999999999)),
                            _connector="OR",
                        ),
                        name="usage_cost_bounded",
                    ),
                ],
            },
        ),
    ]
