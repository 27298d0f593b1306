"""CPU quotas: of both versions of cgroups the right files are written, and nobody is left behind in a group."""

import pytest

from chaos.machine import cgroup
from chaos.machine.cgroup import QuotaUnavailable, closing, find


class Kernel:
    """A folder that looks like the kernel's: what it would do is done by nobody."""

    def __init__(self, folder, version, own="/"):
        self.version, self.root, self.proc = version, folder / "cpu", folder / "proc"
        self.root.mkdir()
        (self.proc / "self").mkdir(parents=True)
        self.mounts = folder / "mounts"
        kind = "cgroup" if version == 1 else "cgroup2"
        options = "rw,cpu,cpuacct" if version == 1 else "rw"
        self.mounts.write_text(f"tmpfs /sys tmpfs rw 0 0\n{kind} {self.root} {kind} {options} 0 0\n")
        self.line = "4:cpu,cpuacct:" if version == 1 else "0::"
        (self.proc / "self" / "cgroup").write_text(f"9:name=systemd:/x\n{self.line}{own}\n")

    def process(self, pid, group):
        (self.proc / str(pid)).mkdir()
        (self.proc / str(pid) / "cgroup").write_text(f"{self.line}{group}\n")
        (self.root / group.lstrip("/")).mkdir(exist_ok=True)

    def find(self):
        return find(self.mounts, self.proc)


def written(group):
    return {file.name: file.read_text() for file in group.folder.iterdir()}


@pytest.fixture(params=[1, 2])
def kernel(request, tmp_path, monkeypatch):
    # The kernel's own folder goes with its files, which are no files of ours.
    remove = cgroup.Path.rmdir
    monkeypatch.setattr(cgroup.Path, "rmdir", lambda path: [file.unlink() for file in path.iterdir()] and remove(path))
    return Kernel(tmp_path, request.param)


def test_a_tenth_of_a_core_is_written_as_each_version_has_it(kernel):
    group = kernel.find().group("one")
    group.limit(0.1, period_us=50_000)
    v1 = {"cpu.cfs_quota_us": "5000", "cpu.cfs_period_us": "50000"}
    assert written(group) == (v1 if kernel.version == 1 else {"cpu.max": "5000 50000"})


def test_no_quota_is_less_than_the_kernel_takes(kernel):
    group = kernel.find().group("one")
    group.limit(0.001, period_us=50_000)
    assert "1000" in " ".join(written(group).values()).split()


def test_processes_go_back_to_where_each_was_and_the_group_goes(kernel):
    kernel.process(7, "/mine")
    kernel.process(8, "/other")
    group = kernel.find().group("one")
    for pid in (7, 8):
        group.take([pid])
        assert written(group)["cgroup.procs"] == str(pid)
    (group.folder / "cgroup.procs").write_text("7\n8\n9\n")  # 9 was born in it
    went = {}
    original = cgroup.Path.write_text
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cgroup.Path, "write_text", lambda path, text: went.update({text: path}) or original(path, text))
        group.close()
    assert went == {
        "7": kernel.root / "mine/cgroup.procs",
        "8": kernel.root / "other/cgroup.procs",
        "9": kernel.root / "mine/cgroup.procs",
    }
    assert not group.folder.exists()
    group.close()


def test_one_that_has_ended_cannot_be_taken(kernel):
    with pytest.raises(QuotaUnavailable, match="process 7 has ended"):
        kernel.find().group("one").take([7])


def test_all_groups_are_closed_whatever_becomes_of_one(kernel):
    hierarchy = kernel.find()
    groups = [hierarchy.group(name) for name in ("one", "two", "three")]
    for group in groups:
        (group.folder / "cgroup.procs").write_text("")
    (groups[1].folder / "cgroup.procs").unlink()
    with pytest.raises(OSError), closing(groups):  # noqa: PT011  # whichever the kernel has
        pass
    assert [group.folder.exists() for group in groups] == [False, True, False]


def test_what_an_earlier_process_left_is_swept_and_what_is_in_use_is_not(tmp_path):
    kernel = Kernel(tmp_path, 1)
    hierarchy = cgroup.Hierarchy(kernel.root, 1, kernel.root, kernel.proc)
    left, used = kernel.root / "stormdrill-quota-1-a", kernel.root / "stormdrill-quota-2-b"
    for folder in (left, used, kernel.root / "somebody-elses"):
        folder.mkdir()
    (used / "cgroup.procs").write_text("7\n")
    assert hierarchy.sweep() == 1
    assert sorted(path.name for path in kernel.root.iterdir()) == ["somebody-elses", used.name]


def test_throttling_is_read_as_the_kernel_tells_it(kernel):
    group = kernel.find().group("one")
    (group.folder / "cpu.stat").write_text("nr_periods 40\nnr_throttled 12\nthrottled_time 99\n")
    assert group.throttled() == cgroup.Throttled(40, 12)


def test_where_nothing_is_mounted_or_writable_the_reason_is_told(tmp_path):
    kernel = Kernel(tmp_path, 1)
    kernel.mounts.write_text("tmpfs /sys tmpfs rw 0 0\n")
    with pytest.raises(QuotaUnavailable, match="not mounted"):
        kernel.find()
    kernel.mounts.write_text(f"cgroup {tmp_path / 'file'} cgroup rw,cpu 0 0\n")
    (tmp_path / "file").write_text("")
    with pytest.raises(QuotaUnavailable, match="root"):
        kernel.find()


def test_in_version_2_the_group_of_an_ancestor_serves_where_ones_own_has_processes(tmp_path, monkeypatch):
    kernel = Kernel(tmp_path, 2, own="/session/mine")
    (kernel.root / "session" / "mine").mkdir(parents=True)
    original = cgroup.Path.write_text

    def write(path, text):
        if path.name == "cpu.max" and path.parent.parent.name == "mine":
            raise FileNotFoundError(2, "No such file or directory")
        return original(path, text)

    monkeypatch.setattr(cgroup.Path, "write_text", write)
    assert kernel.find().parent == kernel.root / "session"
