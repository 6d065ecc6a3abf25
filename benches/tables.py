"""The measured tables of docs/performance.md: what stands between two comments is replaced, the rest is left alone."""

import datetime
import os
import pathlib

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs/performance.md"


def write(texts):
    """Puts each text between `<!-- measured: NAME -->` and `<!-- end of NAME -->`; all of them, or none."""
    page = PAGE.read_text()
    for name, text in texts.items():
        opening, closing = f"<!-- measured: {name} -->\n", f"<!-- end of {name} -->\n"
        if page.count(opening) != 1 or page.count(closing) != 1 or page.index(opening) > page.index(closing):
            raise SystemExit(f"{PAGE} must have one pair of lines {opening.strip()} and {closing.strip()}; nothing was written")
        before, rest = page.split(opening)
        page = before + opening + text.strip() + "\n" + closing + rest.split(closing)[1]
    written = PAGE.with_suffix(".new")
    written.write_text(page)
    os.replace(written, PAGE)


def kernels(report):
    """Markdown of what `cargo bench --bench ratios -- --json=FILE` reports."""
    machine, gmps = report["machine"], {gmp["name"]: gmp["description"] for gmp in report["gmps"]}
    if missing := {"gmp", "gmp-fat"} - gmps.keys():
        raise SystemExit(f"ratios found no {' and no '.join(sorted(missing))}: benches/gmp.sh builds them")
    best = machine["isa"]
    levels = list(dict.fromkeys(row["who"].split(" × ")[0] for row in report["rows"] if " × " in row["who"]))
    libraries = ["crypto-bigint", "num-bigint"]
    head = ["one thread", f"`{best}`, per second", "`gmp`", "× `gmp`", "`gmp-fat`", "× `gmp-fat`", "alone"]
    head += [f"`{level}`" for level in levels if level != best] + libraries
    lines = [line(head), "|---" * len(head) + "|"]
    for group in dict.fromkeys(row["group"] for row in report["rows"]):
        rows = [row for row in report["rows"] if row["group"] == group]
        named = {row["who"]: row for row in rows}
        if "gmp" not in named:  # Compared with something else.
            continue
        # The most at once of each level.
        of_level = {level: [row for row in rows if row["who"].startswith(f"{level} ×")] for level in levels}
        most = {level: max(of, key=lambda row: row["operations"]) for level, of in of_level.items()}
        ratio = lambda row, to="gmp": factor(row["ratios"][to]) if row else ""
        cells = [group, f"{rate(most[best]['per_second'])}, {most[best]['operations']:,} at once"]
        for gmp in ["gmp", "gmp-fat"]:
            cells += [rate(named[gmp]["per_second"]), ratio(most[best], gmp)]
        cells.append(ratio(named.get(f"{best} × 1")))
        cells += [ratio(most[level]) for level in levels if level != best]
        cells += [ratio(named.get(library)) for library in libraries]
        lines.append(line(cells))
    about = (
        f"{machine['cpu']}, {today()}, one thread; {machine['rustc']}. `gmp` is {gmps['gmp']}, `gmp-fat` is {gmps['gmp-fat']}.\n"
        "Encryption is compared with GMP's r^n, decoding with its two powers. Ratios are to `gmp` unless another library\n"
        "is named, and are medians of the ratios of single rounds; *alone* is one number or vector per call."
    )
    return f"{about}\n\n" + "\n".join(lines)


def products(about, rows, yardsticks):
    """Markdown of operations a second: `rows` are (operation, who, a second, {yardstick: ratio})."""
    lines = [line([about, "per second", *(f"× {who}" for who in yardsticks)]), "|---" * (2 + len(yardsticks)) + "|"]
    lines += [line([f"{operation}, {who}", rate(per_second), *(factor(ratios[y]) for y in yardsticks)]) for operation, who, per_second, ratios in rows]
    return "\n".join(lines)


def today():
    return datetime.date.today().isoformat()


def line(cells):
    return f"| {' | '.join(cells)} |"


def rate(value):
    """Three digits of a number."""
    digits = len(str(int(value)))
    return f"{value:.{3 - digits}f}" if digits < 3 else f"{round(value, 3 - digits):,.0f}"


def factor(value):
    return f"{value:.2f}" if value < 2 else f"{value:.1f}" if value < 20 else f"{value:.0f}" if value < 100 else rate(value)
