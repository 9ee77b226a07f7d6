import os

import fsspec.config
import gcsfs
import pandas as pd
import pyarrow as pa
import pyarrow.fs as pa_fs
import pyarrow.parquet as pq
import pytest

BUCKET = "by-gcsfs"


@pytest.fixture
def files(cloud):
    # fsspec read its configuration at its import, before the variables of the local cloud were set. Read it again.
    fsspec.config.set_conf_env(fsspec.config.conf)
    made = gcsfs.GCSFileSystem(project=os.environ["GOOGLE_CLOUD_PROJECT"])
    made.mkdir(BUCKET)
    yield made
    made.rm(BUCKET, recursive=True)


def test_objects_are_written_listed_copied_and_read(files):
    files.pipe(f"{BUCKET}/a/x.txt", b"hello")
    files.cp(f"{BUCKET}/a/x.txt", f"{BUCKET}/b/y.txt")
    files.mv(f"{BUCKET}/b/y.txt", f"{BUCKET}/b/z.txt")
    assert files.find(BUCKET) == [f"{BUCKET}/a/x.txt", f"{BUCKET}/b/z.txt"]
    assert files.ls(BUCKET) == [f"{BUCKET}/a", f"{BUCKET}/b"]
    assert files.cat_file(f"{BUCKET}/b/z.txt", 1, 3) == b"el"
    files.setxattrs(f"{BUCKET}/a/x.txt", content_type="text/plain", color="red")
    files.invalidate_cache()
    assert files.getxattr(f"{BUCKET}/a/x.txt", "color") == "red"
    files.rm(f"{BUCKET}/a/x.txt")
    assert not files.exists(f"{BUCKET}/a/x.txt")
    with pytest.raises(FileNotFoundError):
        files.cat(f"{BUCKET}/a/x.txt")


def test_a_large_object_is_written_in_blocks_and_read_from_its_middle(files):
    with files.open(f"{BUCKET}/large", "wb", block_size=1 << 18) as file:
        for letter in b"abcde":
            file.write(bytes([letter]) * 300_000)
    with files.open(f"{BUCKET}/large", "rb", block_size=1 << 18) as file:
        file.seek(899_999)
        assert file.read(2) == b"cd"
        assert file.size == 1_500_000


def test_pandas_reads_and_writes_gs_addresses(files):
    frame = pd.DataFrame({"a": [1, 2]})
    frame.to_parquet(f"gs://{BUCKET}/frame.parquet")
    frame.to_csv(f"gs://{BUCKET}/frame.csv", index=False)
    assert pd.read_parquet(f"gs://{BUCKET}/frame.parquet").equals(frame)
    assert pd.read_csv(f"gs://{BUCKET}/frame.csv").equals(frame)


def test_pyarrow_writes_and_reads_data_sets(files):
    table = pa.table({"day": [1, 1, 2], "hits": [1, 2, 3]})
    by_arrow = pa_fs.GcsFileSystem()
    pq.write_to_dataset(table, f"{BUCKET}/hits", partition_cols=["day"], filesystem=by_arrow)
    assert pq.read_table(f"{BUCKET}/hits", filesystem=by_arrow, filters=[("day", "=", 1)])["hits"].to_pylist() == [1, 2]


def test_pyarrow_lists_the_files_and_the_folders_that_it_made(files):
    files.pipe(f"{BUCKET}/listed/x.txt", b"hello")
    by_arrow = pa_fs.GcsFileSystem()
    by_arrow.create_dir(f"{BUCKET}/listed/inner")
    found = by_arrow.get_file_info(pa_fs.FileSelector(f"{BUCKET}/listed"))
    assert sorted(one.path for one in found) == [f"{BUCKET}/listed/inner", f"{BUCKET}/listed/x.txt"]
