"""What lies in the storage, as answers."""

from service.api.problems import NotFoundError
from service.storage import Storage


def stored(storage: Storage, key: str | None, what: str) -> bytes:
    """The content under a key.

    Raises:
        NotFoundError: there is no key yet, or the file is gone; ``what`` names it.
    """
    if key is not None:
        try:
            return storage.read(key)
        except FileNotFoundError:
            pass
    raise NotFoundError(f"{what} is not there")
