"""Decide which tests run in the same process."""

from pathlib import PurePath

from xdist.scheduler import LoadScopeScheduling


class BesideWhatTheyShare(LoadScopeScheduling):
    """Run tests in one process if they share a fixture whose start takes long.

    All tests in a folder sql/ share a fixture. In each of the other folders, files share a fixture if their names begin
    with the same two words. For example, test_chain_errors.py and test_chain_kill.py break the same cloud.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = PurePath(nodeid.partition("::")[0])
        folder = str(path.parent)
        return "sql" if "sql" in path.parts else f"{folder}/{'_'.join(path.stem.split('_')[:2])}"
