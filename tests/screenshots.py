"""Pictures of every dashboard, to be looked at: laptop and phone, light and dark (``make screenshots``).

``python -m tests.screenshots [FOLDER]`` writes NAME-WIDTH-SCHEME.png, the whole page in height, into FOLDER (default: runs/screenshots).
What is recorded in EDGEWB_HOME is shown, as a visitor would see it.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from edgewb.dashboards.catalogues import DASHBOARDS
from edgewb.locations import home, make_folder
from tests.benchmarks.dashboards import ROOT, ours, serving

SIZES = ((1366, 768), (390, 844))
_DRAWN = "document.documentElement.dataset.connected === 'true' && document.querySelector('[data-ready]') !== null"


def main() -> int:
    """Take them all; exit status 1 without a Chromium."""
    from playwright.sync_api import sync_playwright

    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "runs" / "screenshots"
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        print("no Chromium on this machine: install it, then run the same command again", file=sys.stderr)
        return 1
    make_folder(folder)
    with serving(ours(1), str(home()), "") as (origin, _server), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for name in ("gallery", *(dashboard.name for dashboard in DASHBOARDS)):
            for width, height in SIZES:
                for scheme in ("light", "dark"):
                    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
                    page = context.new_page()
                    page.goto(f"{origin}/{'' if name == 'gallery' else name}")
                    for _ in range(0 if name == "gallery" else 600):
                        if page.evaluate(_DRAWN):
                            break
                        page.wait_for_timeout(50)
                    page.wait_for_timeout(300)
                    path = folder / f"{name}-{width}-{scheme}.png"
                    page.screenshot(path=path, full_page=True)
                    print(path)
                    context.close()
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
