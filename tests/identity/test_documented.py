"""What the documents tell people to do, done."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from camrelay.core.identity import Grants
from camrelay.identity.key_file import KeyFile
from camrelay.identity.others import OthersKeys
from camrelay.identity.own_keys import OwnKeys
from camrelay.identity.tokens import TokenRules, Tokens
from tests.support.tokens import NotedKeys

PAGE = Path(__file__).parents[2] / "docs" / "identity.md"


def test_the_tokens_of_another_application_are_good(tmp_path: Path) -> None:
    """The sample runs as it is, with the file that camrelay has made for it."""
    shop = tmp_path / "shop"
    file = KeyFile(shop)
    file.add("HS256")
    code = PAGE.read_text("utf-8").split("```python\n")[1].split("```")[0]
    sample: dict[str, Any] = {}
    exec(code.replace("/etc/shop-relay", str(shop)), sample)
    user = SimpleNamespace(pk=7, get_username=lambda: "Alice")
    others = OthersKeys([str(file.path)], None, time.monotonic, NotedKeys())
    own = OwnKeys(tmp_path / "data", time.monotonic, NotedKeys())
    tokens = Tokens(own, others, TokenRules(), time.time)
    identity = tokens.verify(sample["relay_token"](user))
    assert (identity.subject, identity.name) == ("7", "Alice")
    assert identity.grants == Grants(("chat/*",), ("chat/*",))
