"""Imports every module that the wheel brought, and gets every public name."""

import importlib
import json
import pkgutil

failed, names, modules = [], 0, 0
for package in ("shared_core", "langchain_hfrouter", "llama_index_hfrouter"):
    top = importlib.import_module(package)
    for found in [package, *(each.name for each in pkgutil.walk_packages(top.__path__, f"{package}."))]:
        if found.endswith("__main__"):
            continue
        modules += 1
        try:
            module = importlib.import_module(found)
            for name in getattr(module, "__all__", ()):
                getattr(module, name)
                names += 1
        except Exception as error:
            failed.append(f"{found}: {error!r}")
print(json.dumps({"failed": failed, "names": names, "modules": modules}))
