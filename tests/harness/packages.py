# SPDX-License-Identifier: Apache-2.0
"""Installs what tests need of npm and PyPI, into directories of the build. Lock files name each
package with its version, those that others depend on too: no new release changes a test. What is
there already, by a stamp of the lock, is not installed again.

A lock is made anew after a change of package.json or requirements.txt:
  npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved
  pip freeze, in an environment with nothing but requirements.txt, > requirements.lock"""

import hashlib
import os
import shutil
import subprocess
import sys


def quiet(*command, timeout=600, **more):
    return subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
        **more,
    )


class Stamp:
    """Is what these files name installed in the directory?"""

    def __init__(self, directory, *files):
        os.makedirs(directory, exist_ok=True)
        self.file = os.path.join(directory, "stamp")
        self.wanted = hashlib.sha256()
        for name in files:
            with open(name, "rb") as file:
                self.wanted.update(file.read())

    def fits(self):
        try:
            with open(self.file, encoding="utf-8") as file:
                return file.read() == self.wanted.hexdigest()
        except FileNotFoundError:
            return False

    def write(self):
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(self.wanted.hexdigest())


def why_not(result):
    return f"the packages cannot be installed: {result.stdout.strip()[-300:]}"


def install_npm(source, directory):
    """node_modules of the package.json and package-lock.json in `source`, without scripts of the
    packages. None, or why not."""
    files = [os.path.join(source, name) for name in ("package.json", "package-lock.json")]
    stamp = Stamp(directory, *files)
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "node or npm is not installed"
    if stamp.fits():
        return None
    for name in files:
        shutil.copy(name, directory)
    # not "npm ci": that refuses a lock without packages for systems that are not ours, which some
    # registries do not have; "install" keeps to the lock as well
    options = ("--no-audit", "--no-fund", "--ignore-scripts", "--no-save")
    shutil.rmtree(os.path.join(directory, "node_modules"), ignore_errors=True)
    result = quiet("npm", "install", *options, cwd=directory)
    if result.returncode != 0:
        return why_not(result)
    stamp.write()
    return None


def install_pip(lock, directory):
    """A virtual environment with the packages of the lock. None, or why not."""
    stamp = Stamp(directory, lock)
    if stamp.fits():
        return None
    python = os.path.join(directory, "bin", "python")
    if quiet(sys.executable, "-m", "venv", "--clear", directory).returncode != 0:
        return "python3 has no venv"
    result = quiet(python, "-m", "pip", "install", "-q", "--no-deps", "-r", lock)
    if result.returncode != 0:
        return why_not(result)
    stamp.write()
    return None
