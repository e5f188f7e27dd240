"""The `filmgate` command, called as a person calls it."""

from dataclasses import dataclass

from typer.testing import CliRunner, Result

from serve.cli import app


@dataclass(frozen=True)
class Filmgate:
    """`filmgate` with these words before all others."""

    words: tuple[str, ...] = ()

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, [*self.words, *arguments], prog_name="filmgate")

    def done(self, *arguments: str) -> str:
        """What it prints when it goes well."""
        result = self(*arguments)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    def refused(self, *arguments: str) -> str:
        """What it says when it does not, and nothing else."""
        result = self(*arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        return result.stderr
