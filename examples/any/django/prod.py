"""One box with one app of your own: a Django blog under gunicorn, its static files served by nginx."""

from roles.apps import App, Folder, Process, Python, Route
from roles.firewall import Firewall
from roles.nginx import Nginx
from roles.postgres import Postgres
from roles.server import Server, group
from roles.ssh import Ssh
from roles.tls import Tls


class Blog(App):
    title = "Blog"
    runtime = Python()
    needs = frozenset({"postgres"})
    generated = ("SECRET_KEY",)
    variables = {"ALLOWED_HOST": "{domain}", "STATIC_ROOT": "{root}/shared/static"}
    processes = (Process("web", "gunicorn blog.wsgi --workers 2 --graceful-timeout 15 --no-control-socket"),)
    routes = (Route("/"), Route("/static/", to="shared/static"))
    release_command = "sh -c 'python manage.py migrate --noinput && python manage.py collectstatic --noinput'"
    health = "/health"


prod = group(
    Server(
        host="203.0.113.10",
        ssh=Ssh(keys=("~/.ssh/id_ed25519.pub",)),
        firewall=Firewall(),
        postgres=Postgres(),
        tls=Tls(),
        nginx=Nginx(),
        apps=(Blog(name="blog", domain="blog.example.com", source=Folder(path="blog")),),
    )
)
