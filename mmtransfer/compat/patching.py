"""How remedies reach what they mend: a module when it is imported, a method by what goes around."""

import importlib.util
import sys
import types
from collections.abc import Callable
from typing import Any


class _AfterImport:
    """A finder that lets the others import one module, then acts on it; it works once."""

    def __init__(self, name: str, action: Callable[[types.ModuleType], None]) -> None:
        self.name = name
        self.action = action

    def find_spec(self, name, path=None, target=None):
        """Called by the import system for each module that is not imported yet."""
        if name != self.name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_then_act(module: types.ModuleType) -> None:
                execute(module)
                self.action(module)

            spec.loader.exec_module = execute_then_act  # type: ignore[method-assign]
        return spec


def after_import(name: str, action: Callable[[types.ModuleType], None]) -> None:
    """Act on a module when it is imported, or now if it has been. It is not imported for it."""
    if name in sys.modules:
        action(sys.modules[name])
    elif not any(isinstance(f, _AfterImport) and f.name == name for f in sys.meta_path):
        sys.meta_path.insert(0, _AfterImport(name, action))


def go_around(owner: type, name: str, around: Any) -> None:
    """Put a function around a method of a class, once."""
    found = vars(owner)[name]
    method = found.__func__ if isinstance(found, staticmethod) else found
    if not hasattr(method, 'mended'):
        mended = around(method)
        mended.mended = True
        setattr(owner, name, staticmethod(mended) if isinstance(found, staticmethod) else mended)
