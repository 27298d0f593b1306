"""A page without a mouse: Tab until something has the focus, then its key."""

MOST_TABS = 300


def reach(page, wanted):
    """Tab until this element has the focus; fails where Tab never comes there."""
    wanted.wait_for()
    for _ in range(MOST_TABS):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted}: Tab does not come there")


def press(page, wanted, key="Enter"):
    """Press a key on it."""
    reach(page, wanted)
    page.keyboard.press(key)


def button(page, name, key="Enter"):
    """Press the button of this name."""
    press(page, page.get_by_role("button", name=name, exact=True), key)


def write(page, wanted, text):
    """Write into it what is to stand there alone."""
    reach(page, wanted)
    page.keyboard.press("Control+A")
    page.keyboard.type(text)


def choose(page, wanted, value):
    """Choose from a list by its arrows."""
    reach(page, wanted)
    page.keyboard.press("Home")
    for _ in range(60):
        if wanted.input_value() == value:
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"{value} cannot be chosen")
