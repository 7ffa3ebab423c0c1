"""Where a folder's file system is mounted, and whether it is local."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from acache.system import mounts
from acache.system.mounts import Mount, is_local, mount_of

MOUNTS = [
    "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n",
    "30 22 0:40 / /data rw,noatime shared:1 - nfs4 host:/data rw\n",
    "31 22 0:41 / /data\\040set rw - ext4 /dev/vdc rw\n",
    "32 22 0:42 / /data\\040set rw,nosuid,relatime - xfs /dev/vdc rw\n",
]
BSD = [
    "/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)",
    "//user@host/share on /Volumes/share (smbfs, nodev, nosuid, mounted by user)",
    "/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse)",
    "map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)",
]


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    mounts._folder_is_local.cache_clear()
    yield
    mounts._folder_is_local.cache_clear()


def test_the_mount_of_a_folder_is_the_last_of_the_nearest() -> None:
    assert mount_of("/data/x", MOUNTS) == Mount("/data", {"rw", "noatime"}, "nfs4")
    assert mount_of("/database", MOUNTS) == Mount("/", {"rw", "relatime"}, "ext4")
    options = {"rw", "nosuid", "relatime"}
    assert mount_of("/data set/x", MOUNTS) == Mount("/data set", options, "xfs")
    assert mount_of("/data", ()) is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux tells of mounts")
def test_a_network_file_system_is_not_local(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mounts").write_text("".join(MOUNTS))
    monkeypatch.setattr(mounts, "MOUNTS", str(tmp_path / "mounts"))
    assert is_local("/home/store/f/hash/output.pkl")
    assert not is_local("/data/store/f/hash/output.pkl")
    monkeypatch.setattr(mounts, "MOUNTS", str(tmp_path / "nothing"))
    assert not is_local("/home/other/f/hash/output.pkl")


@pytest.mark.parametrize(
    ("folder", "local"), [("/x", True), ("/Volumes/share/x", False), ("/Volumes/sharex", True)]
)
def test_what_mount_prints_on_macos_is_read(folder: str, local: bool) -> None:
    assert mounts._is_local_of_bsd(folder, BSD) is local
    assert not mounts._is_local_of_bsd(folder, ["nothing of the kind"])
