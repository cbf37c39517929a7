"""The image, the licences, and what may not be in the filter."""

import gzip
import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def image(filter_file: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    subprocess.run(
        [sys.executable, ROOT / "tools/image.py", filter_file, folder, "c0ffee"],
        check=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1767225600"},
    )
    return folder


@pytest.fixture(scope="module")
def layout(filter_file, tmp_path_factory) -> pathlib.Path:
    return image(filter_file, tmp_path_factory.mktemp("image") / "oci")


def blob(layout: pathlib.Path, descriptor: dict) -> bytes:
    data = (layout / "blobs" / descriptor["digest"].replace(":", "/")).read_bytes()
    assert len(data) == descriptor["size"]
    assert hashlib.sha256(data).hexdigest() == descriptor["digest"].removeprefix("sha256:")
    return data


def manifest(layout: pathlib.Path) -> dict:
    [descriptor] = json.loads((layout / "index.json").read_text())["manifests"]
    return json.loads(blob(layout, descriptor))


def test_the_image_has_one_layer_with_the_filter_as_plugin_wasm(layout, filter_file):
    [layer] = manifest(layout)["layers"]
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob(layout, layer)))) as tar:
        assert tar.getnames() == ["plugin.wasm"]
        assert tar.extractfile("plugin.wasm").read() == filter_file.read_bytes()


def test_the_image_says_what_it_was_made_of(layout):
    config = json.loads(blob(layout, manifest(layout)["config"]))
    assert config["config"]["Labels"]["org.opencontainers.image.revision"] == "c0ffee"
    assert config["created"] == "2026-01-01T00:00:00Z"
    [layer] = manifest(layout)["layers"]
    plain = hashlib.sha256(gzip.decompress(blob(layout, layer))).hexdigest()
    assert config["rootfs"]["diff_ids"] == [f"sha256:{plain}"]


def test_the_same_filter_makes_the_same_image(layout, filter_file, tmp_path):
    again = image(filter_file, tmp_path / "oci")
    assert (again / "index.json").read_bytes() == (layout / "index.json").read_bytes()


def test_the_filter_names_no_folder_of_the_machine_that_built_it(filter_file):
    module = filter_file.read_bytes()
    folders = [ROOT, pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))]
    for folder in folders:
        assert f"{folder}/".encode() not in module, folder
    assert b"/cargo/registry/src/" in module, "panics name files; without any, this test would not see a folder either"


def test_every_part_is_listed_with_its_licence_and_a_text():
    listed = subprocess.run(
        [sys.executable, ROOT / "tools/licences.py"], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout
    for part in ("rsa", "quick-xml", "rustls", "webpki-roots"):
        assert f"  {part} " in listed, part
    assert "Permission is hereby granted, free of charge" in listed
    assert "entra-simulator" not in listed
