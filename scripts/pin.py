"""Write the hashes of all wheels that pip may choose into the files of requirements/.

    .venv/bin/python scripts/pin.py

The wheels are for CPython 3.13 on two systems: Linux, where the functions run, and macOS with ARM, where the bundles
can be tried. Run the script after a version has changed. The script changes only the hashes.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FILES = sorted((Path(__file__).parent.parent / "requirements").glob("*.txt"))
REQUIREMENT = re.compile(
    r"^(?P<pin>(?P<name>[a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==[^\s\\]+)(?: \\\n    --hash=sha256:[0-9a-f]{64})*",
    re.MULTILINE,
)
# Versions of glibc whose wheels are accepted. SciPy has no wheels for older versions.
GLIBC = ("2_28", "2_34", "2_39")
PLATFORMS = [
    *(f"manylinux_{version}_{machine}" for machine in ("x86_64", "aarch64") for version in GLIBC),
    "macosx_14_0_arm64",
]
OLDER = {"x86_64": ["manylinux1", "manylinux2010", "manylinux2014"], "aarch64": ["manylinux2014"]}


def wheels(platform: str, pins: list[str]) -> dict[str, set[str]]:
    """Return, by package name, the hash of the wheel that pip chooses on a platform, as a set with one element."""
    found = defaultdict(set)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps"]
        install += ["--only-binary", ":all:", "--python-version", "3.13", "--implementation", "cp", "--target", folder]
        for tag in tags(platform):
            install += ["--platform", tag]
        subprocess.run([*install, "--report", report, *pins], check=True)  # noqa: S603 - our own arguments
        for one in json.loads(report.read_text())["install"]:
            name = re.sub(r"[-_.]+", "-", one["metadata"]["name"]).lower()
            found[name].add(one["download_info"]["archive_info"]["hashes"]["sha256"])
    return found


def tags(platform: str) -> list[str]:
    """Return the tags of all wheels that run on the platform, the newest first."""
    if not platform.startswith("manylinux"):
        return [platform, *(f"macosx_{version}_0_arm64" for version in (13, 12, 11)), *macos_universal()]
    _, major, minor, machine = platform.split("_", 3)
    glibc = [f"manylinux_{major}_{older}_{machine}" for older in range(int(minor), 4, -1)]
    return glibc + [f"{name}_{machine}" for name in OLDER[machine]]


def macos_universal() -> list[str]:
    """Return the tags of wheels for both ARM and Intel Macs."""
    return [f"macosx_{version}_universal2" for version in ("14_0", "13_0", "12_0", "11_0", "10_13", "10_9")]


def main() -> None:
    """Look up the hashes for all platforms, and write them into the files of requirements/."""
    pins = sorted({match["pin"] for file in FILES for match in REQUIREMENT.finditer(file.read_text())})
    hashes: defaultdict[str, set[str]] = defaultdict(set)
    with ThreadPoolExecutor(3) as pool:
        for found in pool.map(lambda platform: wheels(platform, pins), PLATFORMS):
            for name, some in found.items():
                hashes[name] |= some

    def hashed(match: re.Match[str]) -> str:
        lines = [match["pin"], *(f"    --hash=sha256:{one}" for one in sorted(hashes[match["name"]]))]
        return " \\\n".join(lines)

    for file in FILES:
        file.write_text(REQUIREMENT.sub(hashed, file.read_text()))
    print(f"{len(pins)} requirements, {sum(map(len, hashes.values()))} hashes")


if __name__ == "__main__":
    main()
