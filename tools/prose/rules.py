"""The rules: how long a sentence may be, and which phrases have a plainer form."""

import re
from collections.abc import Iterator

from .passage import Passage

WORDS_MAX = 20

# Phrases that come from German syntax, or are not the field's term; behind each the plain form.
PHRASES: tuple[tuple[str, str], ...] = (
    (r"\banew\b", "again"),
    (r"\bonce more\b", "again"),
    (r"(?<![Tt]here )\b(is|are|was|were) no (?!longer|more)", "is not a ..., has no ..."),
    (r"\btold\b(?! apart)", "reported, known, given"),
    (r"\btells? of\b|\bof itself\b|\bsays so\b", "reports ..."),
    (r"\bhas to be said\b|\b(is|are) said\b", "must be set, is given"),
    (r"\b(en|de)?cipher(ed|s)\b|\b(en|de)ciphering\b", "encrypted, decrypted, encrypts, decrypts"),
    (r"\bin (the )?clear\b", "unencrypted"),
    (r"\bin silence\b", "silently"),
    (r"\bone's own\b", "your own, its own"),
    (r"\b[Ww]ho(so)?ever\b", "anyone who, or address the reader: you"),
    (r"(?:^|[.:;] )Who (?=[^?]*$|[^?.]*\.)", "start with the subject: anyone who, you"),
    (r"(?:^|[.:;] )Where (?=[^?]*$|[^?.]*\.)", "If ..."),
    (r", for (it|they|he|she|there|nobody|nothing|what|who|no) ", "because"),
    (r"\b(there|here|where)(by|in|of|with|upon|to)\b", "a plain word"),
    (r"\bhitherto\b|\bhenceforth\b|\blest\b|\bof late\b|\bby and by\b", "a plain word"),
    (r"\bshall\b", "must, will"),
    (r"\ball that\b", "everything that"),
    (r"\belse than\b", "other than"),
    (r"\bfor ever\b|\bwithout end\b", "forever"),
    (r"\bin vain\b", "without success"),
    (r"\bsince (\d+|some|a few) (s|seconds?|minutes?|hours?|days?)\b", "for ..."),
    (r"\bstands? in\b", "is in"),
    (r"\brests? on\b", "is stored on"),
    (r"\b(held|holds?) against\b", "compared with"),
    (r"\blets? in\b|\blet in\b", "accepts"),
    (r"\bgives? back\b|\bgave back\b|\bgiven back\b", "returns"),
    (r"\b(brings?|brought) along\b", "includes"),
    (r"\bthat (is|are|was|were) over\b", "completed, past"),
    (r"\bcured\b|\bcures?\b", "fixed, fix"),
    (r"\bfeeds? in\b|\bfed in\b(?! pieces)|\bfed-in\b", "exported"),
    (r"\bthere and back\b", "round trip"),
    (r"\bunder way\b", "in flight, in progress"),
    (r"\boutside of\b", "outside"),
    (r"\b(good|valid) (once|for once)\b|\bonce and for\b", "single-use"),
)

_COMPILED = tuple((re.compile(pattern), plain) for pattern, plain in PHRASES)
_END = re.compile(r"[.!?][)\"'*]*\s+|\s*$")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|vs|cf|No|approx|St|Dr))$")
_WORD = re.compile(r"\S*[A-Za-z0-9\u00c0-\u024f]\S*")


def faults(passage: Passage) -> Iterator[tuple[int, str]]:
    """Yield (line in the file, what is wrong and what to do) for a passage."""
    for start, sentence in _sentences(passage.text):
        count = len(_WORD.findall(sentence))
        if count > WORDS_MAX and not passage.long_is_fine:
            yield (
                passage.line(start),
                f"{count} words in one sentence, at most {WORDS_MAX}: split it",
            )
        for pattern, plain in _COMPILED:
            found = pattern.search(sentence)
            if found:
                line = passage.line(start + found.start())
                yield line, f'"{found[0].strip(" .:;,")}" is not plain English; write: {plain}'


def _sentences(text: str) -> Iterator[tuple[int, str]]:
    start = len(text) - len(text.lstrip())
    for end in _END.finditer(text):
        sentence = text[start : end.start() + 1]
        if _ABBREVIATION.search(sentence.rstrip(".")) and end.end() < len(text):
            continue
        if sentence.strip():
            yield start, sentence.rstrip()
        start = end.end()
