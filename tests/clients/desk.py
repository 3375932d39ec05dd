"""A desk to test against: the real program with the embedded demo model, asking for keys, on a free port.

`LOOKDESK_BIN` names the program; without it the debug build of this repository is taken.
"""

import atexit
import base64
import json
import os
import pathlib
import re
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

# Neither a proxy nor anything on a network has a part in this.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["LANGSMITH_TRACING"] = "false"

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "demo" / "samples"
PROGRAM = os.environ.get("LOOKDESK_BIN") or str(ROOT / "target" / "debug" / "lookdesk")
MODEL = "lookdesk-demo"
STARTS_WITHIN_S = 60


class Desk:
    """A running program; ends with the tests."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.key, line = self._new_key("tests", "")
        self.slow_key, slow = self._new_key("slow", "per_minute=1")
        self.single_key, single = self._new_key("single", "at_once=1")
        keys = pathlib.Path(self._folder.name) / "keys"
        keys.write_text(line + slow + single)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LOOKDESK_")}
        self._child = subprocess.Popen(
            [PROGRAM, "serve", "--port", "0", "--no-records"]
            + ["--api-key-file", str(keys), "--model-alias", "gpt-4o"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        atexit.register(self.stop)
        self._said: list[str] = []
        threading.Thread(target=lambda: self._said.extend(self._child.stderr), daemon=True).start()
        line = self._child.stdout.readline()
        found = re.search(r"http://\S+", line)
        if not found:
            raise RuntimeError(f"the desk did not say where it is: {line}{''.join(self._said)}")
        self.url = found.group(0)
        self.base = f"{self.url}/v1"
        self._wait()

    def _new_key(self, name: str, limits: str) -> tuple[str, str]:
        made = subprocess.run([PROGRAM, "key", "new", name], capture_output=True, text=True, check=True)
        name_and_hash = made.stdout.split()[:2]
        return made.stderr.split()[-1], " ".join([*name_and_hash, limits]) + "\n"

    def _wait(self) -> None:
        until = time.monotonic() + STARTS_WITHIN_S
        request = urllib.request.Request(f"{self.url}/readyz", headers={"authorization": f"Bearer {self.key}"})
        while time.monotonic() < until and self._child.poll() is None:
            try:
                with urllib.request.urlopen(request, timeout=5):
                    return
            except urllib.error.HTTPError:
                time.sleep(0.05)
        raise RuntimeError("the desk did not become ready: " + "".join(self._said))

    def stop(self) -> None:
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(10)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        for pipe in (self._child.stdout, self._child.stderr):
            pipe.close()
        self._folder.cleanup()


_desk: Desk | None = None


def desk() -> Desk:
    """The one desk of this run."""
    global _desk
    if _desk is None:
        _desk = Desk()
    return _desk


def uri(name: str) -> str:
    """A sample picture as a data: URI."""
    data = base64.b64encode((SAMPLES / name).read_bytes()).decode()
    return f"data:image/jpeg;base64,{data}"


def samples() -> list[dict]:
    """The sample pictures with their questions and answers."""
    listed = json.loads((SAMPLES / "samples.json").read_text())
    return [{**sample, "files": sample.get("files") or [sample["file"]]} for sample in listed]


def content(question: str, *names: str) -> list[dict]:
    """A user's message in the form of chat completions."""
    pictures = [{"type": "image_url", "image_url": {"url": uri(name), "detail": "high"}} for name in names]
    return [*pictures, {"type": "text", "text": question}]


def asked(question: str, *names: str) -> list[dict]:
    """A conversation of one message."""
    return [{"role": "user", "content": content(question, *names)}]


MODEL_SCHEMA = {
    "type": "object",
    "properties": {"model": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{4}$"}},
    "required": ["model"],
    "additionalProperties": False,
}
