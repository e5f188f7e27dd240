"""What all parts of the settings tree have in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the tree: immutable, and unknown keys are errors. `repr=False` marks a secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
