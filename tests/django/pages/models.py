from django.db import models


class Page(models.Model):
    """Brings the permissions `pages.add_page`, `pages.change_page`, `pages.delete_page` and `pages.view_page`."""

    title = models.TextField()
