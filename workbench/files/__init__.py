"""What is read whole: files, strict YAML, keys of the environment; who and which commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.imports import opened_lazily

if TYPE_CHECKING:
    from workbench.files.addresses import CheckedAddress, allowed_address, allowed_host, webhook_address
    from workbench.files.commits import Provenance, committed_states, current_user, is_alive, provenance
    from workbench.files.configuration import Settings, parse_yaml, read_settings, read_text, settings_from
    from workbench.files.credentials import SIGNING_KEY, drop, environment_with, secret, take, without_secrets
    from workbench.files.imported import digest_of_file, files_imported
    from workbench.files.whole import write_atomically
else:
    __getattr__, __dir__, __all__ = opened_lazily(__name__, __file__)
