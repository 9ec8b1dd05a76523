"""A few fixed texts of many kinds, for models to be tried on.

They decide nothing about anybody's vectors but whether an engine works, whether reduced precision is good
enough.
"""

from __future__ import annotations

__all__ = ["SAMPLES", "sample_texts"]

SAMPLES = (
    "a cat",
    "How do I reset my password?",
    "The bakery on the corner sells rye bread until noon.",
    "Water boils at 100 degrees Celsius at sea level, and at about 70 on top of Mount Everest.",
    "def mean(values):\n    return sum(values) / len(values)",
    "SELECT name, price FROM products WHERE stock > 0 ORDER BY price DESC LIMIT 10;",
    "ERROR 2026-03-01T04:12:55Z worker-7 connection reset by peer after 30.0 s, retrying (2/5)",
    "Der Zug nach Wien fährt heute von Gleis sieben ab, mit zwölf Minuten Verspätung.",
    "La récolte de cette année sera tardive à cause de la pluie du mois de juin.",
    "El museo cierra los lunes; los demás días abre de diez a seis.",
    "今日はとても暑いので、駅まで歩くのはやめました。",
    "请在周五之前把报告发给我。",
    "Поезд прибывает на вторую платформу.",
    "يفتح المتجر في الساعة التاسعة صباحا.",
    "The committee found that the bridge had been inspected twice in the previous decade, that both reports "
    "had recommended new bearings, and that neither recommendation had been carried out.",
    "Photosynthesis turns light, water and carbon dioxide into sugar and oxygen. The first step takes place in "
    "the membranes of the chloroplast, where pigments catch the light; the second, in the fluid around them, "
    "needs no light at all.",
    "Parties to this agreement shall give written notice of any change of address within fourteen days.",
    "Whisk the eggs with the sugar until pale, fold in the flour, and bake for 25 minutes at 180 °C.",
    "what is the boiling point of nitrogen",
    "cheap flights lisbon december",
    "symptoms of iron deficiency in adults",
    "The patient, a 54-year-old man, presented with chest pain radiating to the left arm.",
    "Shares of the company fell 4.2 % after it lowered its forecast for the third quarter to $1.8 billion.",
    "In the beginning the ship's cook was suspected, for he alone had held the key.",
    "Let f be continuous on [a, b] and differentiable on (a, b); then f'(c) = (f(b) - f(a)) / (b - a) for some c.",
    "Thanks!!! 🎉 see you tmrw at 8 :)",
    "https://example.org/articles/2026/why-bread-rises?lang=en#comments",
    "- milk\n- two lemons\n- flour (wholemeal)\n- yeast",
    "The river rises in the hills above the town, turns three mills that grind nothing any more, and reaches "
    "the sea between two sandbanks that move a little every winter.",
    "A queue is a list with two ends: what is put in at one comes out at the other, in the same order.",
    "Chapter 3. Results. Table 2 lists the mean and the standard deviation of each group; no difference was "
    "significant at the 5 % level after correction.",
    "Return the item unused within 30 days and we refund the full price, postage excluded.",
)
"""Questions, prose, code, logs, lists, several scripts; 2 to about 60 tokens."""


def sample_texts() -> list[str]:
    """The samples alone, in twos, in fours and so on: lengths from 2 to several hundred tokens.

    Example:
        >>> sample_texts()[:2]
        ['a cat', 'How do I reset my password?']
    """
    return [
        " ".join(SAMPLES[first : first + joined])
        for joined in (1, 2, 4, 8, 16)
        for first in range(0, len(SAMPLES), joined)
    ]
