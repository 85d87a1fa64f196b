"""What the scenario's inventory and tests know of this Bugsink."""

from bsmain.models import AuthToken
from projects.models import Project
from teams.models import Team

AuthToken.create_full_access(token="f0" * 20)
team = Team.objects.create(name="lab")
Project.objects.create(name="api", team=team, sentry_key="0123456789abcdef0123456789abcdef")
