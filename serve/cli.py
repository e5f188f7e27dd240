"""The `filmgate` command."""

import typer

from serve.commands.accounts import accounts
from serve.commands.config import config_app
from serve.commands.database import database
from serve.commands.demo import demo
from serve.commands.gate import gate
from serve.commands.generate import generate
from serve.commands.jobs import cancel, get, list_jobs
from serve.commands.keys import keys
from serve.commands.outcome import PlainGroup
from serve.commands.serving import serve
from serve.commands.simulate import simulate

app = typer.Typer(
    name="filmgate",
    cls=PlainGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Text and images become video clips with sound, on your own GPUs.",
)
app.command()(serve)
app.command()(generate)
app.command("list")(list_jobs)
app.command()(get)
app.command()(cancel)
app.add_typer(accounts, name="accounts")
app.add_typer(gate, name="gate")
app.command()(simulate)
app.add_typer(keys, name="keys")
app.add_typer(config_app, name="config")
app.add_typer(database, name="db")
app.command(hidden=True)(demo)

if __name__ == "__main__":
    app(prog_name="filmgate")
