"""What kind a licence is: a table by the Hub's ids, for a policy to check against, and no legal advice.

Source: https://huggingface.co/docs/hub/repositories-licenses, read November 2026; the kinds are by the licences' own
texts: "permissive" lets derived works be closed, "copyleft" does not, "non-commercial" forbids or limits trade,
"custom" is a text of the maker's own that has to be read. An id that is not in the table is "custom", a card without
any "none".
"""

from __future__ import annotations

from typing import Literal

__all__ = ["LicenseKind", "license_kind"]

LicenseKind = Literal["permissive", "copyleft", "non-commercial", "custom", "none"]

_IDS: dict[LicenseKind, str] = {
    "permissive": """
        afl-3.0 apache-2.0 artistic-2.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc cc-by-2.0
        cc-by-2.5 cc-by-3.0 cc-by-4.0 cc0-1.0 cdla-permissive-1.0 cdla-permissive-2.0 ecl-2.0 etalab-2.0 isc mit ms-pl
        ncsa odc-by ofl-1.1 pddl postgresql unlicense wtfpl zlib
    """,
    "copyleft": """
        agpl-3.0 cc-by-sa-3.0 cc-by-sa-4.0 cdla-sharing-1.0 epl-1.0 epl-2.0 eupl-1.1 eupl-1.2 gfdl gpl gpl-2.0 gpl-3.0
        lgpl lgpl-2.1 lgpl-3.0 lgpl-lr lppl-1.3c mpl-2.0 odbl osl-3.0
    """,
    "non-commercial": """
        apple-amlr cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0
        cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 fair-noncommercial-research-license intel-research
    """,
}
_KINDS = {name: kind for kind, names in _IDS.items() for name in names.split()}


def license_kind(name: str | None) -> LicenseKind:
    """The kind of a licence.

    Args:
        name: The Hub's id of it, such as "apache-2.0"; None or "" where the card states none.

    Example:
        >>> license_kind("apache-2.0"), license_kind("llama3.3"), license_kind(None)
        ('permissive', 'custom', 'none')
    """
    if not name or name in ("unknown", "none"):
        return "none"
    return _KINDS.get(name.lower(), "custom")
