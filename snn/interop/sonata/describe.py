"""Say what a SONATA file holds, and what of it is not read."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from snn.core.arrays import PathLike
from snn.core.checks import refusal
from snn.core.files.foreign import read_foreign
from snn.core.files.hdf5 import naming
from snn.interop.sonata import edges, spikes
from snn.interop.sonata.file import MOST_NODES, populations, version_of, whole_column

__all__ = ["describe"]

_READ = {"spikes": spikes.COLUMNS, "edges": edges.COLUMNS}


def describe(path: PathLike) -> dict[str, Any]:
    """Say what a file of spikes or edges holds.

    Returns:
        `kind`: "SONATA spikes" or "SONATA edges"; `version`: of the format, as the file says it; `nodes`: by
        population, number of spikes, or ends and number of edges; `lost`: names of data sets that are not read.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It is neither, or damaged; the message names the file.
    """
    file = read_foreign(
        path, ("spikes/*/node_ids", "edges/*/source_node_id", "edges/*/target_node_id"), outline=True
    )
    with naming(path):
        roots = [root for root in _READ if root in file.there]
        if not roots:
            raise refusal("file", "SONATA, with spikes or edges", list(file.there))
        nodes: dict[str, Any] = {}
        for root in roots:
            for name in populations(file, root):
                nodes[name] = _spikes(file, name) if root == "spikes" else _edges(file, name)
        patterns = [pattern for root in roots for pattern in _READ[root]]
        lost = [name for name in file.names if not any(fnmatchcase(name, pattern) for pattern in patterns)]
        return {
            "kind": f"SONATA {' and '.join(roots)}",
            "version": version_of(file),
            "nodes": nodes,
            "lost": [name for name in lost if not name.endswith("/range_to_edge_id")],
        }


def _spikes(file: Any, name: str) -> dict[str, Any]:
    unit = whole_column(file, f"spikes/{name}/node_ids", MOST_NODES - 1)
    return {"spikes": unit.size, "largest_node": int(unit.max(initial=-1))}


def _edges(file: Any, name: str) -> dict[str, Any]:
    ends = {"source": f"edges/{name}/source_node_id", "target": f"edges/{name}/target_node_id"}
    found = {end: file.inner.get(place, {}).get("node_population") for end, place in ends.items()}
    return {**found, "edges": whole_column(file, ends["source"], MOST_NODES - 1).size}
