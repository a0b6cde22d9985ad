"""Checkpoints: a run goes on from its file to the last bit, and no other file is taken for one."""

from __future__ import annotations

import collections
import dataclasses
import json
import os
import resource
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from safetensors import safe_open
from safetensors.torch import save_file
from small import SMALL, images, train

from trainers import checkpoint
from trainers.config import KnobChange, RunConfig
from trainers.methods import make_trainer
from trainers.state_tree import flatten, unflatten
from trainers.trainer import Trainer

CPU = torch.device("cpu")


def bits(value: Any) -> Any:
    """A value with its types, all the way down, in a form that == compares to the last bit."""
    if isinstance(value, dict):
        return ("dict", [(bits(key), bits(part)) for key, part in value.items()])
    if isinstance(value, list | tuple):
        return (type(value), [bits(part) for part in value])
    if isinstance(value, torch.Tensor):
        flat = value.detach().reshape(-1)
        data = flat.view(torch.uint8).numpy().tobytes() if len(flat) else b""
        return ("tensor", value.dtype, value.shape, data)
    if isinstance(value, np.ndarray | np.generic):
        return (type(value), value.dtype, value.shape, value.tobytes())
    if isinstance(value, float):
        return (float, value.hex())
    return (type(value), value)


def trained(method: str, steps: int = 4, **values: Any) -> Trainer:
    config = RunConfig(method=method, seed=3, **SMALL | {"bank_negatives": 16} | values)
    trainer = make_trainer(config, images(), CPU)
    train(trainer, steps)
    return trainer


# A state goes through a file unharmed.

DTYPES = [
    "int64",
    "int32",
    "int16",
    "int8",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "bool",
    "float16",
    "float32",
    "float64",
]
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: arrays(dtype, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.just(float("nan"))
    | st.text(st.characters())  # half surrogate pairs too
    | ARRAYS
    | ARRAYS.map(lambda array: array.reshape(-1)[:1].sum())  # a numpy scalar
    | ARRAYS.map(torch.from_numpy)
    | ARRAYS.map(lambda array: torch.from_numpy(array.astype("float32")).to(torch.bfloat16))
)
# Keys that collide once dotted, that safetensors or the tree keep for themselves, and any other.
KEYS = st.sampled_from(["a", "a.b", "b", "__metadata__", "$tensor", "$pairs", "", "0", 0, -1]) | st.text(max_size=3)
STATES = st.recursive(
    LEAVES,
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.lists(parts, max_size=3).map(tuple)
        | st.dictionaries(KEYS | st.integers(), parts, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(STATES)
@example({"a.b": torch.zeros(1), "a": {"b": torch.ones(1)}, "a~2": torch.ones(2)})
@example({"a": {0: torch.zeros(1), "0": torch.ones(1)}, "a.0": np.ones(1)})
@example({"__metadata__": torch.zeros(1), "$tensor": "a", "": {"": np.float32(1)}, "\ud800": np.zeros(1)})
@example({"x": float("nan"), "y": -0.0, "z": (float("-inf"), [1e308, 5e-324]), "w": True, "v": 1})
def test_any_state_comes_back_from_the_file_to_the_last_bit(tmp_path_factory: Any, state: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    checkpoint.write_state(path, state, {})
    assert bits(checkpoint.read_state(path)) == bits(state)


def test_what_comes_back_shares_no_memory_and_can_be_written() -> None:
    tensor = torch.arange(6.0)
    state = {"a": tensor, "b": tensor[2:], "c": tensor.numpy()[::-1], "d": collections.OrderedDict(x=np.zeros(2))}
    state["big"] = np.array([1.5, 2], ">f4")
    tree, tensors = flatten(state)
    tensor.zero_()
    back = unflatten(tree, tensors)
    assert back["a"].tolist() == [0, 1, 2, 3, 4, 5]
    assert back["c"].tolist() == [5, 4, 3, 2, 1, 0]
    assert back["big"].tolist() == [1.5, 2]
    back["b"][0] = 9
    back["d"]["x"][0] = 9
    assert (back["a"][2], tensors["b"][0], tensors["d.x"][0]) == (2, 2, 0)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (Path("x"), "pathlib"),
        ({1.5: 0}, "the key 1.5"),
        (np.array(["x"]), "numpy array of <U1"),
        (torch.zeros(2, dtype=torch.complex128), "torch.complex128"),
        (torch.eye(2).to_sparse(), "torch.sparse_coo"),
        (collections.namedtuple("Point", "x")(1), "Point"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_place(tmp_path: Path, value: Any, what: str) -> None:
    with pytest.raises(TypeError, match=rf"^a\.0\.b: .*{what}"):
        checkpoint.write_state(tmp_path / "x", {"a": [{"b": value}]}, {})
    assert not list(tmp_path.iterdir())


# A run goes on from its file.


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("memory_bank", {"bank_loss": "softmax"}),
        ("memory_bank", {"bank_loss": "nce", "bank_start": "random"}),
        ("moco", {}),
        ("simclr", {}),
    ],
)
def test_a_run_saved_in_the_middle_of_a_pass_goes_on_to_the_last_bit(
    tmp_path: Path, method: str, values: dict[str, Any]
) -> None:
    path = tmp_path / "x.safetensors"
    change = KnobChange(temperature=0.3, jitter_strength=0.9, **({"queue_length": 29} if method == "moco" else {}))
    whole, saved = trained(method, 2, **values), trained(method, 2, **values)
    for trainer in (whole, saved):
        trainer.apply(change)
        train(trainer, 2)
    assert saved.step % saved.sampler.steps_per_pass > 0  # in the middle of a pass
    checkpoint.save(saved, path)
    train(saved, 3)  # what was saved is a copy: nothing that happens later reaches it
    restored = checkpoint.load(path, images(), CPU)
    assert (restored.step, restored.config) == (4, whole.config)
    train(whole, 6)
    train(restored, 6)
    a, b = whole.drain_metrics(), restored.drain_metrics()
    assert a is not None
    assert b is not None
    for name in ("step", "loss", "accuracy", "collapse_std"):
        assert a[name][4:].tobytes() == b[name].tobytes(), name
    assert bits(restored.state_dict()) == bits(whole.state_dict())


def test_the_header_says_what_the_checkpoint_is(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    trainer = trained("moco")
    trainer.apply(KnobChange(momentum=0.5))
    checkpoint.save(trainer, path, {"at": ["9:momentum=0.9"]})
    header = checkpoint.read_header(path)
    assert (header.step, header.images_name, header.images_count) == (4, "small", 96)
    assert header.config == trainer.config
    assert header.notes == {"at": ["9:momentum=0.9"]}
    with safe_open(path, framework="pt") as file:  # any reader of safetensors finds the weights by name
        weight = file.get_tensor("key_encoder.backbone.0.weight")
    assert torch.equal(weight, trainer.key_encoder.backbone[0].weight)


def test_a_run_may_be_told_to_go_on_for_longer(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    trainer = make_trainer(RunConfig(method="simclr", steps=4, **SMALL), images(), CPU)
    train(trainer, 4)
    assert trainer.finished
    checkpoint.save(trainer, path)
    longer = checkpoint.load(path, images(), CPU, steps=6)
    assert not longer.finished
    assert longer.config == RunConfig.model_validate(trainer.config.model_dump() | {"steps": 6})


# What is no checkpoint of this run is refused.


def test_a_torn_or_altered_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    checkpoint.save(trained("simclr", 1), path)
    whole = path.read_bytes()
    torn = [whole[:cut] for cut in (0, 7, 8, 100, len(whole) // 2, len(whole) - 1)]
    places = [whole.index(b"learning_rate"), whole.index(b"param_groups"), len(whole) // 2, len(whole) - 1]
    altered = [whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :] for i in places]
    zeroed = [whole[:-4096] + bytes(4096)]  # blocks that a crash left unwritten
    for damaged in (*torn, *altered, *zeroed, whole + b"x"):
        path.write_bytes(damaged)
        with pytest.raises(checkpoint.Damaged, match=r"x\.safetensors is damaged .*earlier checkpoint or start anew"):
            checkpoint.load(path, images(), CPU)
    path.write_bytes(whole)
    assert checkpoint.load(path, images(), CPU).step == 1


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    torch.save({"step": 1}, path)
    with pytest.raises(checkpoint.Damaged):
        checkpoint.read_header(path)
    save_file({"step": torch.zeros(1)}, path)
    with pytest.raises(checkpoint.Damaged, match="not one that this program wrote"):
        checkpoint.read_header(path)
    for absent in (tmp_path / "none", tmp_path):
        with pytest.raises(checkpoint.Absent, match="cannot be read"):
            checkpoint.load(absent, images(), CPU)


def test_another_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    monkeypatch.setattr(checkpoint, "FORMAT", 999)
    checkpoint.save(trained("simclr", 1), path)
    monkeypatch.undo()
    with pytest.raises(checkpoint.OtherFormat, match=r"format 999, this version reads format 1.*version that wrote it"):
        checkpoint.load(path, images(), CPU)


def test_a_checkpoint_with_unknown_settings_or_another_state_is_of_another_version(tmp_path: Path) -> None:
    path = tmp_path / "x"
    checkpoint.save(trained("simclr", 1), path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    header = json.loads(metadata["header"])
    header["config"]["colour"] = "blue"
    checkpoint.write_state(path, {}, header)
    with pytest.raises(checkpoint.OtherFormat, match=r"no such setting .*colour"):
        checkpoint.read_header(path)

    trainer = trained("simclr", 1)
    state = trainer.state_dict()
    del state["encoder"]["backbone.0.weight"]
    del header["config"]["colour"]
    checkpoint.write_state(path, state, header)
    with pytest.raises(checkpoint.OtherFormat, match="does not fit this version's simclr trainer"):
        checkpoint.load(path, images(), CPU)


def test_another_image_set_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    checkpoint.save(trained("moco", 1), path)
    other = dataclasses.replace(images(), digest="f" * 16)
    with pytest.raises(checkpoint.OtherImages, match=r"trained on the 96 images of 'small' \(digest 0{16}\).*f{16}"):
        checkpoint.load(path, other, CPU)


# A write that fails or is killed costs nothing.


def test_a_write_that_breaks_off_leaves_the_good_checkpoint_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    checkpoint.save(trained("simclr", 1), path)
    good = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(good) // 2, hard))  # as a disk that is full half-way
    try:
        with pytest.raises(checkpoint.Unwritable, match=r"x\.safetensors cannot be written: .*Make room"):
            checkpoint.save(trained("simclr", 2), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == good
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(checkpoint.Unwritable):
        checkpoint.save(trained("simclr", 1), tmp_path / "no" / "folder")


def test_a_checkpoint_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    fsync, replace = os.fsync, os.replace

    def spy_fsync(handle: int) -> None:
        calls.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def spy_replace(a: Any, b: Any) -> None:
        calls.append("rename")
        replace(a, b)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "replace", spy_replace)
    checkpoint.write_state(tmp_path / "x", {}, {})
    assert calls == ["file", "rename", "folder"]


def test_what_a_killed_writer_left_is_swept_up(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    (tmp_path / ".x.safetensors.1234.part").mkdir()
    (tmp_path / ".x.safetensors.1234.part" / "half").write_bytes(b"half")
    (tmp_path / ".y.safetensors.1234.part").mkdir()
    checkpoint.sweep(path)
    assert [left.name for left in tmp_path.iterdir()] == [".y.safetensors.1234.part"]


def test_a_checkpoint_is_readable_by_whom_the_umask_allows(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    checkpoint.write_state(tmp_path / "x", {}, {})
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "plain").stat().st_mode
