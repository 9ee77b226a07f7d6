"""The emulator starts V8 without memory protection keys: threads that were started before V8 do not get these keys."""

import subprocess
import sys

PROGRAM = """

from py_mini_racer import DEFAULT_V8_FLAGS, MiniRacer, init_mini_racer
init_mini_racer(flags=(*DEFAULT_V8_FLAGS, "--no-memory-protection-keys"), ignore_duplicate_init=True)
print(MiniRacer().eval("1 + 1"))
"""


def test_v8_accepts_the_flag_with_which_the_emulator_starts_it():
    found = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (0, "2\n", "")
