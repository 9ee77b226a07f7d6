"""Which tests run in one process."""

from pathlib import PurePath

from xdist.scheduler import LoadScopeScheduling


class BesideWhatTheyShare(LoadScopeScheduling):
    """Tests that share what takes long to start run in one process: those of sql/, and files named alike in a folder.

    So test_chain_errors.py runs beside test_chain_kill.py: both break one cloud.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = PurePath(nodeid.partition("::")[0])
        folder = str(path.parent)
        return "sql" if "sql" in path.parts else f"{folder}/{'_'.join(path.stem.split('_')[:2])}"
