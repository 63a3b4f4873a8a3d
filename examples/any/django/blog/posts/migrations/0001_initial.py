from django.db import migrations, models


def welcome(apps, schema_editor):
    apps.get_model("posts", "Post").objects.create(title="Hello from the database")


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            "Post",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("title", models.CharField(max_length=200)),
                ("made", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.RunPython(welcome, migrations.RunPython.noop),
    ]
