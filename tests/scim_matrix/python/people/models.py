"""Users and groups as the documentation of django-scim2 has a project declare them."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django_scim.models import AbstractSCIMGroupMixin, AbstractSCIMUserMixin


class Group(AbstractSCIMGroupMixin, models.Model):
    """A group with a name."""

    name = models.CharField(max_length=254, unique=True)


class User(AbstractSCIMUserMixin, AbstractUser):
    """Django's own user with what SCIM adds."""

    groups = models.ManyToManyField(Group, related_name="user_set", blank=True)

    @property
    def scim_groups(self):
        """What the package asks for."""
        return self.groups
