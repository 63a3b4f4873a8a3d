from django.db import models


class Post(models.Model):
    title = models.CharField(max_length=200)
    made = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.title
