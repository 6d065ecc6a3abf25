"""Writes the measured tables of docs/performance.md: replaces the text between pairs of comments."""

import datetime
import os
import pathlib

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs/performance.md"


def write(texts):
    """Writes each text between `<!-- measured: NAME -->` and `<!-- end of NAME -->`. Writes all of them or none."""
    page = PAGE.read_text()
    for name, text in texts.items():
        opening, closing = f"<!-- measured: {name} -->\n", f"<!-- end of {name} -->\n"
        if page.count(opening) != 1 or page.count(closing) != 1 or page.index(opening) > page.index(closing):
            raise SystemExit(f"{PAGE}: need exactly one pair of lines {opening.strip()} and {closing.strip()}; nothing was written")
        before, rest = page.split(opening)
        page = before + opening + text.strip() + "\n" + closing + rest.split(closing)[1]
    written = PAGE.with_suffix(".new")
    written.write_text(page)
    os.replace(written, PAGE)


def kernels(report):
    """Returns the report of `cargo bench --bench ratios -- --json=FILE` as Markdown."""
    machine, gmps = report["machine"], {gmp["name"]: gmp["description"] for gmp in report["gmps"]}
    if missing := {"gmp", "gmp-fat"} - gmps.keys():
        raise SystemExit(f"the ratios lack {' and '.join(sorted(missing))}: build them with benches/gmp.sh")
    best = machine["isa"]
    isas = list(dict.fromkeys(row["name"].split(" × ")[0] for row in report["rows"] if " × " in row["name"]))
    libraries = ["crypto-bigint", "num-bigint"]
    head = ["one thread", f"`{best}`, per second", "`gmp`", "× `gmp`", "`gmp-fat`", "× `gmp-fat`", "alone"]
    head += [f"`{isa}`" for isa in isas if isa != best] + libraries
    lines = [line(head), "|---" * len(head) + "|"]
    for group in dict.fromkeys(row["group"] for row in report["rows"]):
        rows = [row for row in report["rows"] if row["group"] == group]
        named = {row["name"]: row for row in rows}
        if "gmp" not in named:  # A group without GMP.
            continue
        # The row with the largest batch of each ISA.
        of_isa = {isa: [row for row in rows if row["name"].startswith(f"{isa} ×")] for isa in isas}
        most = {isa: max(of, key=lambda row: row["operations"]) for isa, of in of_isa.items()}
        ratio = lambda row, to="gmp": factor(row["ratios"][to]) if row else ""
        cells = [group, f"{rate(most[best]['per_second'])}, {most[best]['operations']:,} at once"]
        for gmp in ["gmp", "gmp-fat"]:
            cells += [rate(named[gmp]["per_second"]), ratio(most[best], gmp)]
        cells.append(ratio(named.get(f"{best} × 1")))
        cells += [ratio(most[isa]) for isa in isas if isa != best]
        cells += [ratio(named.get(library)) for library in libraries]
        lines.append(line(cells))
    about = (
        f"{machine['cpu']}, {today()}, one thread; {machine['rustc']}. `gmp` is {gmps['gmp']}, `gmp-fat` is {gmps['gmp-fat']}.\n"
        "Encryption is compared with GMP's r^n, decoding with its two powers. Ratios are to `gmp` unless another library\n"
        "is named, and are medians of the ratios of single rounds; *alone* is one number or vector per call."
    )
    return f"{about}\n\n" + "\n".join(lines)


def products(about, rows, yardsticks):
    """Returns a Markdown table of operations per second. `rows` are (operation, name, per second, {yardstick: ratio})."""
    lines = [line([about, "per second", *(f"× {name}" for name in yardsticks)]), "|---" * (2 + len(yardsticks)) + "|"]
    lines += [line([f"{operation}, {name}", rate(per_second), *(factor(ratios[y]) for y in yardsticks)]) for operation, name, per_second, ratios in rows]
    return "\n".join(lines)


def today():
    return datetime.date.today().isoformat()


def line(cells):
    return f"| {' | '.join(cells)} |"


def rate(value):
    """Formats a number with three significant digits."""
    digits = len(str(int(value)))
    return f"{value:.{3 - digits}f}" if digits < 3 else f"{round(value, 3 - digits):,.0f}"


def factor(value):
    return f"{value:.2f}" if value < 2 else f"{value:.1f}" if value < 20 else f"{value:.0f}" if value < 100 else rate(value)
