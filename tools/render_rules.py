"""Write docs/standards/rules.md from the dated limits.

Run: python -m tools.render_rules
"""

from pathlib import Path

from yba.foundation.rules.service import rendered

PAGE = Path(__file__).parents[1] / "docs" / "standards" / "rules.md"

if __name__ == "__main__":
    PAGE.write_text(rendered(), encoding="utf-8")
