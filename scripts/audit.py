"""Report the known vulnerabilities of all pinned packages, beginning with those that are deployed.

    .venv/bin/python scripts/audit.py

pip-audit asks the registry's database. If the database cannot be reached, pip-audit reports success. Therefore this
script says which packages were not checked. The script exits with 1 if there is a vulnerability.
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
DEPLOYED = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "requirements").glob("*.txt"))
FILES = (*DEPLOYED, "constraints.txt", "constraints-infra.txt", "constraints-clients.txt")
SECONDS = "15"


def audit(file: Path) -> tuple[list[dict[str, Any]], str]:
    """Return (pip-audit's results by package, "").

    If pip-audit fails, return ([], last line of its error output).
    """
    command = [sys.executable, "-m", "pip_audit", "--requirement", file, "--disable-pip", "--no-deps"]
    command += ["--progress-spinner", "off", "--format", "json", "--timeout", SECONDS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return [], done.stderr.strip().rpartition("\n")[2]
    return found, ""


def told(file: str, packages: list[dict[str, Any]], problem: str) -> tuple[list[str], bool]:
    """Return the lines to print about a file, and whether a package in it is vulnerable."""
    known = {one["name"]: one["vulns"] for one in packages if "vulns" in one}
    if not known:
        why = problem or next((one["skip_reason"] for one in packages), "it lists no package")
        return [f"{file}: NOT CHECKED, the database of vulnerabilities cannot be reached: {why}"], False
    lines = [
        f"{file}: {name} has {one['id']}, fixed in {', '.join(one['fix_versions']) or 'no version yet'}"
        for name, ones in known.items()
        for one in ones
    ]
    count = Counter(bool(ones) for ones in known.values())
    lines.append(f"{file}: {len(known)} packages checked, {count[True]} vulnerable")
    if skipped := [one["name"] for one in packages if "vulns" not in one]:
        lines.append(f"{file}: NOT CHECKED, because they are not in the database: {', '.join(skipped)}")
    return lines, bool(count[True])


def main() -> int:
    """Check the packages of all files; return 1 if one is vulnerable, otherwise 0."""
    is_vulnerable = False
    for number, file in enumerate(FILES):
        packages, problem = audit(ROOT / file)
        lines, vulnerable = told(file, packages, problem)
        print("\n".join(lines), flush=True)
        is_vulnerable |= vulnerable
        if not any("vulns" in one for one in packages):
            rest = ", ".join(FILES[number + 1 :])
            print(f"{rest}: NOT CHECKED either" if rest else "", flush=True)
            break
    return int(is_vulnerable)


if __name__ == "__main__":
    sys.exit(main())
