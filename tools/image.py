"""The filter as an OCI image layout: tools/image.py FILTER FOLDER [COMMIT]

Istio and Envoy Gateway take a module out of an image that has one layer with the one file `plugin.wasm`. The layout is
pushed with any tool that knows OCI: `skopeo copy oci:dist/oci docker://registry.example/vestibule:0.1.0`. The same filter
makes the same image: no clock and no owner comes into it but SOURCE_DATE_EPOCH.
"""

import gzip
import hashlib
import io
import json
import os
import pathlib
import sys
import tarfile
import time
import tomllib

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
INDEX = "application/vnd.oci.image.index.v1+json"


def archive(module: bytes, when: int) -> bytes:
    """A tar archive of `plugin.wasm` and nothing else."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo("plugin.wasm")
        entry.size, entry.mtime, entry.mode = len(module), when, 0o644
        tar.addfile(entry, io.BytesIO(module))
    return out.getvalue()


def compressed(data: bytes) -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9, mtime=0, filename="") as file:
        file.write(data)
    return out.getvalue()


class Layout:
    """A folder of blobs that are named by their digests."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        (folder / "blobs" / "sha256").mkdir(parents=True)

    def add(self, media_type: str, data: bytes) -> dict:
        digest = hashlib.sha256(data).hexdigest()
        (self.folder / "blobs" / "sha256" / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def write(self, name: str, value: dict) -> None:
        (self.folder / name).write_bytes(document(value))


def document(value: dict) -> bytes:
    return json.dumps(value, indent=2).encode() + b"\n"


def main(filter_file: str, folder: str, commit: str = "") -> None:
    root = pathlib.Path(__file__).resolve().parent.parent
    package = tomllib.loads((root / "Cargo.toml").read_text())["package"]
    when = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))
    labels = {
        "org.opencontainers.image.title": package["name"],
        "org.opencontainers.image.version": package["version"],
        "org.opencontainers.image.description": package["description"],
        "org.opencontainers.image.licenses": package["license"],
        "org.opencontainers.image.source": package["repository"],
        "org.opencontainers.image.created": created,
    }
    if commit:
        labels["org.opencontainers.image.revision"] = commit

    layout = Layout(pathlib.Path(folder))
    files = archive(pathlib.Path(filter_file).read_bytes(), when)
    layer = layout.add(LAYER, compressed(files))
    config = layout.add(
        CONFIG,
        document(
            {
                "created": created,
                # No processor runs it; these are what registries expect of an image for Wasm.
                "architecture": "wasm",
                "os": "wasi",
                "config": {"Labels": labels},
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(files).hexdigest()}"]},
            }
        ),
    )
    manifest = layout.add(
        MANIFEST,
        document(
            {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer], "annotations": labels}
        ),
    )
    manifest["annotations"] = {"org.opencontainers.image.ref.name": package["version"]}
    layout.write("oci-layout", {"imageLayoutVersion": "1.0.0"})
    layout.write("index.json", {"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest]})


if __name__ == "__main__":
    main(*sys.argv[1:])
