"""Which stored number is white: decided over all images of a data set, never image by image."""

DEPTHS = {8: (1, 255), 16: (1, 255, 1023, 4095, 16383, 65535)}  # whites by bits of storage
DARK = 0.25  # of white: what never exceeds it is said to be nearly black


def white_of(brightest: int, bits: int) -> int:
    """Return the white of integers stored in 8 or 16 bits, of which the largest is known.

    The least that 1, 8, 10, 12, 14 or 16 bits of content can reach: cameras write 12 bits into 16,
    and masks are 0 and 1. All black tells nothing.

    >>> white_of(4000, 16), white_of(1, 8), white_of(60, 8), white_of(0, 16)
    (4095, 1, 255, 65535)
    """
    known = DEPTHS[bits]
    return next(w for w in known if brightest <= w) if brightest else known[-1]


def told(brightest: float, white: float, usual: float, where: str) -> list[str]:
    """Return what a person should know of the brightness of all images, in sentences."""
    said = []
    if white != usual:
        said.append(
            f"{where}: no value exceeds {brightest:g}, so {white:g} and not {usual:g} is taken for "
            "white"
        )
    if brightest < DARK * white:
        said.append(
            f"{where} is nearly black: no value exceeds {brightest:.3g}, and white is {white:g}; "
            "where it should not be, scale the images and save them again"
        )
    return said
