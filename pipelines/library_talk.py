"""What the model libraries say by themselves: silenced, for the service has logs of its own."""

from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging


def silence_libraries() -> None:
    """No progress bars and no advice; and no warnings, for some quote what a prompt said.

    Only after their import: the libraries set their levels then, whatever was set before.
    """
    for talk in (diffusers_logging, transformers_logging):
        talk.set_verbosity_error()
        talk.disable_progress_bar()
