"""Check a run's report in a real browser: axe must find no violation, and nothing may overflow. Take screenshots.

    .venv/bin/python scripts/check_report.py REPORT.html FOLDER

The script needs Chromium (Debian's package chromium) and npm, which brings axe-core. The screenshots and the print are
written to FOLDER: a wide window, a telephone, and paper.
"""

import html
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

AXE = "axe-core@4.14.1"
# Width and height of the windows in pixels. The height only has to show the start of the page.
SIZES = {"telephone": (360, 800), "desk": (1280, 900)}
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
# A script that writes JSON into the title: axe's result, and the pixels by which the page is wider than its window.
RUN_AXE = """
<script>
axe.run(document, {resultTypes: ["violations"]}).then(found => {
  const told = found.violations.map(one => `${one.id}: ${one.help}: ${one.nodes.map(node => node.html).slice(0, 3)}`);
  const wider = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  parent.document.title = JSON.stringify({violations: told, rules: found.passes.length, wider});
});
</script>
"""


def browser(*arguments: str) -> str:
    """Run headless Chromium, and return what it writes to standard output."""
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *arguments]
    command += ["--allow-file-access-from-files", "--virtual-time-budget=20000"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own arguments


def framed(page: Path, width: int, height: int) -> str:
    """Return a page with a frame of this size, because Chromium's window cannot be as narrow as a telephone."""
    return f'<!doctype html><body style="margin:0"><iframe src="{page}" width={width} height={height} style="border:0">'


def main(report: Path, folder: Path) -> int:
    """Check the report; return 1 if axe finds a violation or the page overflows."""
    folder.mkdir(parents=True, exist_ok=True)
    report, faults = report.resolve(), 0
    with tempfile.TemporaryDirectory() as kept:
        place = Path(kept)
        subprocess.run(["npm", "install", "--silent", "--prefix", kept, AXE], check=True)  # noqa: S603, S607 - see above
        axe = (place / "node_modules" / "axe-core" / "axe.min.js").read_text()
        # The page's policy forbids scripts, so remove the policy from the copy that axe checks.
        copy = POLICY.sub("", report.read_text()).replace("</body>", f"<script>{axe}</script>{RUN_AXE}</body>")
        (place / "checked.html").write_text(copy)
        for name, (width, height) in SIZES.items():
            (place / "frame.html").write_text(framed(place / "checked.html", width, height))
            printed = browser("--dump-dom", f"--window-size={max(width, 500)},{height}", str(place / "frame.html"))
            found = json.loads(html.unescape(re.findall("<title>(.*?)</title>", printed, re.DOTALL)[0]))
            print(f"{name}: {found['rules']} rules of axe pass, {len(found['violations'])} are violated")
            print("\n".join(found["violations"] + ([f"{found['wider']} px too wide"] if found["wider"] > 0 else [])))
            faults += len(found["violations"]) + (found["wider"] > 0)
            (place / "frame.html").write_text(framed(report, width, 6 * height))
            picture = f"--screenshot={folder.resolve() / f'{name}.png'}"
            browser(picture, f"--window-size={max(width, 500)},{6 * height}", str(place / "frame.html"))
    browser(f"--print-to-pdf={folder.resolve() / 'print.pdf'}", "--no-pdf-header-footer", str(report))
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
