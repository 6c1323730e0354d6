"""Foreign text as a person may see it, on a terminal, in a log, on a page: nothing in it acts, nothing is hidden."""


def visible(text: object, *, keep: str = "") -> str:
    r"""The text with every character that cannot be seen written as its escape: `\n`, `\x1b`, `\u202e`, `\udcff`.

    Those are control characters and line ends, marks that turn the writing direction or take no room, blanks other
    than the space, halves of surrogate pairs (what Python makes of bytes that are no UTF-8), and what no script has.
    A backslash stays as it is: the result is for reading, not for reading back.

    keep: characters that stay as they are all the same.
    """
    whole = str(text)
    if whole.isprintable():
        return whole
    return "".join(
        sign if sign.isprintable() or sign in keep else sign.encode("unicode_escape").decode() for sign in whole
    )
