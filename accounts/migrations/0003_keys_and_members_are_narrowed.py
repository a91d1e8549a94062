import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_roles_domains_and_invitations"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="apikey",
            name="api_key_prefix_unique",
        ),
        migrations.AddField(
            model_name="apikey",
            name="allowed_networks",
            field=models.JSONField(
                blank=True, default=list, help_text="Networks the key may be used from, as 192.0.2.0/24; empty: any."
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="is_imported",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="Made by another system: its text has not the form of Parley's keys.",
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="is_read_only",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="apikey",
            name="last_used_at",
            field=models.DateTimeField(editable=False, help_text="To the minute.", null=True),
        ),
        migrations.AddField(
            model_name="apikey",
            name="permissions",
            field=models.JSONField(
                blank=True,
                help_text="The permission codes the key is narrowed to; null: all that its owner has.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="scheme",
            field=models.CharField(
                choices=[("hmac", "Hmac"), ("bcrypt", "Bcrypt")], default="hmac", editable=False, max_length=10
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="updated_at",
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
        migrations.AddField(
            model_name="apikey",
            name="user",
            field=models.ForeignKey(
                blank=True,
                help_text="The person the key acts for, within their role; empty for a service's key.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="version",
            field=models.PositiveIntegerField(default=1, editable=False),
        ),
        migrations.AddField(
            model_name="membership",
            name="updated_at",
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
        migrations.AddField(
            model_name="membership",
            name="version",
            field=models.PositiveIntegerField(default=1, editable=False),
        ),
        migrations.AddField(
            model_name="organization",
            name="content_access",
            field=models.CharField(
                choices=[
                    ("revealed", "Hidden; each reveal needs a reason and is audited"),
                    ("open", "Shown"),
                    ("closed", "Hidden; nothing can be revealed"),
                ],
                default="revealed",
                help_text="What platform administrators who are no members may read of its messages.",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="organization",
            name="version",
            field=models.PositiveIntegerField(default=1, editable=False),
        ),
        migrations.AlterField(
            model_name="apikey",
            name="digest",
            field=models.CharField(
                help_text="HMAC-SHA-256 of the secret in hex, or an imported bcrypt hash.", max_length=64
            ),
        ),
        migrations.AlterField(
            model_name="apikey",
            name="pepper_id",
            field=models.CharField(
                default="",
                help_text="Names the pepper that the digest was made with; empty under bcrypt.",
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="apikey",
            name="prefix",
            field=models.CharField(help_text="The visible part of the key, by which it is found.", max_length=16),
        ),
        migrations.AddIndex(
            model_name="apikey",
            index=models.Index(
                condition=models.Q(("is_imported", True)), fields=["prefix"], name="api_key_by_imported_prefix"
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_imported", False)), fields=("prefix",), name="api_key_prefix_unique"
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="domain",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="Empty: the whole organization. Otherwise nothing outside of this domain is shown.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="memberships",
                to="accounts.domain",
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="role",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="memberships",
                to="accounts.role",
            ),
        ),
    ]
