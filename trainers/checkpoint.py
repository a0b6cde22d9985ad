"""Checkpoints on disk: everything that training goes on from, in one safetensors file.

    save(trainer, path)                         # or take(trainer), and .write(path) later, beside the training
    trainer = load(path, images, device)        # goes on to the last bit as if it had never stopped
    header = read_header(path)                  # what it is, without torch and without its tensors

The file holds every tensor and array of `Trainer.state_dict()` by dotted name; the metadata holds the rest as
JSON (`trainers.state_tree`), a header with the config, and SHA-256 sums over the header and over all. It is written
aside, flushed and renamed, so a crash leaves the old file or the new one, never half of one. Nothing in it is code: no
pickle is ever read.

Error tree, every message says what to do:

    CheckpointError
    ├── Absent          there is no such file, or it cannot be read
    ├── Damaged         torn, altered, or no checkpoint of this program at all
    ├── OtherFormat     written by a version of this program that this one cannot read
    ├── OtherImages     the run trained on other pictures
    └── Unwritable      the file cannot be written
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from trainers.config import RunConfig

# torch takes seconds to import: only `save` and `load` do, so that a command line can look at a header at once.
if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from trainers.image_set import ImageSet
    from trainers.trainer import Trainer

FORMAT = 1
"""Raise it when the layout of the file or of a state changes so that older files cannot be read."""

KIND = "sushibelt checkpoint"


class CheckpointError(Exception):
    """A checkpoint cannot be used; the text names the file and the remedy."""


class Absent(CheckpointError):  # noqa: N818  (as in trainers.image_set: short names read better where they are raised)
    """There is no such file, or it cannot be read."""


class Damaged(CheckpointError):  # noqa: N818
    """Torn, altered, or no checkpoint of this program at all."""


class OtherFormat(CheckpointError):  # noqa: N818
    """Written by a version of this program that this one cannot read."""


class OtherImages(CheckpointError):  # noqa: N818
    """The run trained on other pictures."""


class Unwritable(CheckpointError):  # noqa: N818
    """The file cannot be written."""


@dataclass(frozen=True)
class Header:
    """What a checkpoint says of itself.

    Attributes:
        step: optimiser steps taken.
        config: of the run, as its knobs stood at that step.
        images_name, images_digest, images_count: the set that it trained on; the digest is over the content.
        notes: what the caller of `save` wanted kept.
    """

    step: int
    config: RunConfig
    images_name: str
    images_digest: str
    images_count: int
    notes: dict[str, Any]


def save(trainer: Trainer, path: Path, notes: Mapping[str, Any] | None = None) -> None:
    """Write a checkpoint. `notes` is anything that JSON can hold.

    Raises:
        TypeError: the state holds something that a checkpoint cannot; the message says where.
        Unwritable: the disk is full, or the folder is not there or may not be written to.
    """
    take(trainer, notes).write(path)


@dataclass(frozen=True)
class Taken:
    """A trainer's state at one step, copied to the CPU: training goes on while another thread writes it.

    Attributes:
        step: the step that it is of.
        header, tree: the parts that become text. tensors: contiguous, by dotted name.
    """

    step: int
    header: Mapping[str, Any]
    tree: Any
    tensors: dict[str, Tensor]

    def write(self, path: Path) -> None:
        """Write it aside, flush it and rename it. Raises as `save` does."""
        _write(path, self.header, self.tree, self.tensors)


def take(trainer: Trainer, notes: Mapping[str, Any] | None = None) -> Taken:
    """The state as it is now; waits for the device.

    Raises:
        TypeError: the state holds something that a checkpoint cannot; the message says where.
        RuntimeError: a step is half taken.
    """
    from trainers.state_tree import flatten

    images = trainer.images
    header = {
        "step": trainer.step,
        "config": trainer.config.model_dump(mode="json"),
        "images": {"name": images.name, "digest": images.digest, "count": len(images)},
        "notes": dict(notes or {}),
    }
    return Taken(trainer.step, header, *flatten(trainer.state_dict()))


def load(
    path: Path,
    images: ImageSet,
    device: torch.device,
    *,
    pictures: Tensor | None = None,
    steps: int | Literal["same"] | None = "same",
) -> Trainer:
    """The trainer of a checkpoint, ready for its next step.

    Args:
        images: the set that the run trained on.
        device: where to go on. On the CPU, with the same number of threads, the run goes on to the last bit.
        pictures: the set's pictures already on the device, to share them between runs.
        steps: end the run after so many steps in all (None: never), instead of where its config says.

    Raises:
        CheckpointError: see the head of this module.
    """
    from torch import OutOfMemoryError

    from trainers.methods import make_trainer

    header = read_header(path)
    if images.digest != header.images_digest:
        raise OtherImages(
            f"{path} was trained on the {header.images_count:,} images of '{header.images_name}' (digest "
            f"{header.images_digest}); these are the {len(images):,} of '{images.name}' (digest {images.digest}). "
            "Give it the set it was trained on, or start a new run on this one."
        )
    state = read_state(path)
    config = header.config
    if steps != "same":
        config = RunConfig.model_validate(config.model_dump() | {"steps": steps})
        state["config"] = {**state["config"], "steps": steps}
    # Rows that the state replaces need not be encoded first.
    trainer = make_trainer(config.model_copy(update={"bank_start": "random"}), images, device, pictures)
    try:
        trainer.load_state_dict(state)
    except OutOfMemoryError:
        raise
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        # The file is whole (its digest was right), so the state is that of another version's trainer.
        raise _other_format(path, f"its state does not fit this version's {header.config.method} trainer") from error
    return trainer


def read_header(path: Path) -> Header:
    """What the checkpoint is, without reading its tensors. Raises Absent, Damaged or OtherFormat."""
    metadata = _metadata(path)
    try:
        if _text_digest(metadata["header"]) != metadata["header_sha256"]:
            raise ValueError
        header = json.loads(metadata["header"])
        images = header["images"]
        config = RunConfig.model_validate(header["config"])
        return Header(
            int(header["step"]), config, images["name"], images["digest"], int(images["count"]), dict(header["notes"])
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "config"
        raise _other_format(path, f"this version knows no such setting ({where}: {first['msg']})") from None
    except (KeyError, TypeError, ValueError):
        raise _damaged(path, "its header is not what was written") from None


def write_state(path: Path, state: Any, header: Mapping[str, Any]) -> None:
    """Write any state that `trainers.state_tree` can hold, with a header for `read_header`. Raises as `save` does."""
    from trainers.state_tree import flatten

    _write(path, header, *flatten(state))


def _write(path: Path, header: Mapping[str, Any], tree: Any, tensors: dict[str, Tensor]) -> None:
    from safetensors.torch import save_file

    metadata = {"header": json.dumps(header, allow_nan=False), "state": json.dumps(tree, allow_nan=False)}
    metadata |= {"header_sha256": _text_digest(metadata["header"]), "sha256": _digest(metadata, tensors)}
    metadata |= {"kind": KIND, "version": str(FORMAT)}
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")  # a folder: safetensors too may leave torn files
    part = aside / path.name
    try:
        aside.mkdir(exist_ok=True)
        part.touch()
        mode = part.stat().st_mode  # as the user's umask has it; safetensors makes files for their owner only
        save_file(tensors, part, metadata=metadata)
        os.chmod(part, mode)
        with open(part, "r+b") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
        _flush_folder(path.parent)
    except (OSError, SafetensorError) as error:
        raise Unwritable(
            f"{path} cannot be written: {error}. Make room or choose a folder that exists and may be written to; "
            "an earlier checkpoint there is untouched."
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def sweep(path: Path) -> None:
    """Remove what processes that were killed while they wrote this checkpoint have left. Nobody may be writing it."""
    for aside in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        shutil.rmtree(aside, ignore_errors=True)


def read_state(path: Path) -> Any:
    """The state of a file that `write_state` wrote, on the CPU. Raises Absent, Damaged or OtherFormat."""
    from safetensors.torch import load_file

    from trainers.state_tree import unflatten

    metadata = _metadata(path)
    try:
        tensors = load_file(path)
        sha256 = metadata["sha256"]
        whole = _digest({"header": metadata["header"], "state": metadata["state"]}, tensors) == sha256
        if whole:
            return unflatten(json.loads(metadata["state"]), tensors)
    except OSError as error:
        raise Absent(f"{path} cannot be read: {error}.") from None
    except (SafetensorError, KeyError, TypeError, ValueError):
        raise _damaged(path, "it is not what was written") from None
    raise _damaged(path, "it is not what was written (its SHA-256 is another)")


def _metadata(path: Path) -> dict[str, str]:
    """The text part of a file of ours in a format that we know; its length has been checked."""
    try:
        with open(path, "rb"):  # safetensors names neither the file nor, for a folder, the matter
            pass
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
    except OSError as error:
        raise Absent(f"{path} cannot be read: {error.strerror}. Give the path of a checkpoint that is there.") from None
    except SafetensorError as error:
        raise _damaged(path, str(error)) from None
    if metadata.get("kind") != KIND:
        raise _damaged(path, "a safetensors file, but not one that this program wrote")
    if metadata.get("version") != str(FORMAT):
        raise _other_format(path, f"it has format {metadata.get('version')}, this version reads format {FORMAT}")
    return metadata


def _damaged(path: Path, why: str) -> Damaged:
    return Damaged(f"{path} is damaged or no checkpoint: {why}. Go back to an earlier checkpoint or start anew.")


def _other_format(path: Path, why: str) -> OtherFormat:
    return OtherFormat(f"{path} is a checkpoint of another version: {why}. Go on with the version that wrote it.")


def _text_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(texts: Mapping[str, str], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over all that the file holds, whatever the order in which it lies there."""
    import torch

    sha = hashlib.sha256()
    for name, text in sorted(texts.items()):
        sha.update(f"{name}\0{text}\0".encode())
    for name, tensor in sorted(tensors.items()):
        sha.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        if tensor.numel():  # nothing cannot be viewed as bytes
            sha.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return sha.hexdigest()


def _flush_folder(folder: Path) -> None:
    """Makes the renaming itself last. Windows has no such call, and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
