"""Pulls the official images that the engine does not have, one by one, before anything is started."""

import subprocess
from collections.abc import Iterable

from docker import DockerClient
from docker.errors import ImageNotFound

from compose.containers import engine
from compose.stack import Progress, StackError

_WITHIN_SECONDS = 1800.0
"""For one image; the largest is some 400 MB."""


def missing(references: Iterable[str], progress: Progress) -> None:
    """Pull those that are not there, and say so before each; asks no registry about the others.

    Raises StackError, with what to do next, where one cannot be had within half an hour.
    """
    client = engine.connect()
    lacking = [reference for reference in sorted(set(references)) if not _is_there(client, reference)]
    for number, reference in enumerate(lacking, start=1):
        progress(f"pulling the image {reference} ({number} of {len(lacking)})")
        try:
            engine.command("pull", "--quiet", reference, within_seconds=_WITHIN_SECONDS)
        except subprocess.SubprocessError as error:
            said = error.stderr.strip()[-800:] if isinstance(error, subprocess.CalledProcessError) else ""
            raise StackError(
                f"the image {reference} cannot be pulled: {said or f'not there after {_WITHIN_SECONDS:g} s'}\n"
                f"`docker pull {reference}` shows what is amiss; what was pulled before is kept, so do the same again, "
                "or use RUNTIME=native"
            ) from error


def _is_there(client: DockerClient, reference: str) -> bool:
    try:
        client.images.get(reference)
    except ImageNotFound:
        return False
    return True
