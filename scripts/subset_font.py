"""Cut the two bundled fonts from Debian's packages (needs fonttools and the packages fonts-noto-cjk, fonts-roadgeek).

    apt-get install fonts-noto-cjk fonts-roadgeek && pip install fonttools && python scripts/subset_font.py

NotoSansCJKsc-Subset.otf (Noto Sans CJK SC Bold, SIL OFL 1.1): ASCII and all of GB 2312, whose 6,763 characters include
rare ones of place names, and some symbols; for overlays, and for the Chinese characters of drawn plates.
RoadwardenPlate-Subset.ttf (Roadgeek 2014 series C, MIT): capitals and digits of drawn plates. Of eight open fonts its
shapes are nearest to GA 36 glyphs (mean overlap 0.79 in the character cell; Roboto Condensed 0.77, OSP-DIN 0.72).

Both are modified versions, so both are renamed: no reserved font name and no trademark stays in the names.
"""

from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

FONTS = Path(__file__).resolve().parent.parent / "detector" / "evidence" / "fonts"
NOTO = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc")
SIMPLIFIED_CHINESE = 2  # index in the collection
ROADGEEK = Path("/usr/share/fonts/truetype/roadgeek/RG2014C.ttf")

BEYOND_GB_2312 = "砼堃垚芃・•–²³₂↔①②③④⑤⑥⑦⑧⑨⑩"  # concrete, frequent names, symbols of reports


def gb_2312() -> str:
    """Symbols (rows 1 to 9) and simplified characters (rows 16 to 87) of GB 2312."""
    rows = (bytes((high, low)) for high in range(0xA1, 0xF8) for low in range(0xA1, 0xFF))
    return "".join(row.decode("gb2312", errors="ignore") for row in rows)


def cut(font: TTFont, text: str, family: str, output: Path) -> None:
    """Keep the glyphs of `text`, rename the family, drop hints and write the file."""
    options = subset.Options()
    options.layout_features = ["kern", "liga"]
    options.hinting = False
    options.desubroutinize = False
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.name_languages = [0x409]
    options.notdef_outline = True
    cutter = subset.Subsetter(options)
    cutter.populate(text=text)
    cutter.subset(font)
    for record in font["name"].names:
        names = {1: family, 3: family.replace(" ", "") + "-Subset", 4: family, 6: family.replace(" ", "")}
        if record.nameID in names:
            record.string = names[record.nameID]
    if "CFF " in font:
        table = font["CFF "].cff
        table.fontNames[0] = family.replace(" ", "")
        top = table.topDictIndex[0]
        top.FullName, top.FamilyName = family, family
    font.save(output)
    print(f"{output.name}: {len(font.getGlyphOrder())} glyphs, {output.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    """Write both fonts into detector/evidence/fonts."""
    ascii_text = "".join(map(chr, range(0x20, 0x7F)))
    text = ascii_text + gb_2312() + BEYOND_GB_2312
    noto = TTFont(NOTO, fontNumber=SIMPLIFIED_CHINESE)
    cut(noto, text, "Roadwarden Sans SC", FONTS / "NotoSansCJKsc-Subset.otf")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 "
    cut(TTFont(ROADGEEK), letters, "Roadwarden Plate", FONTS / "RoadwardenPlate-Subset.ttf")


if __name__ == "__main__":
    main()
