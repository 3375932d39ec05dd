"""Requests that schemathesis makes from /openapi.json, right ones and wrong ones: none may fail the server, and
every reply must be one that the document names."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

from desk import desk

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
EXAMPLES = 40
WITHIN_S = 120


class Described(unittest.TestCase):
    def test_the_server_does_what_its_description_says(self):
        program = pathlib.Path(sys.executable).with_name("schemathesis")
        with tempfile.TemporaryDirectory() as folder:
            ran = subprocess.run(
                [
                    str(program),
                    "run",
                    f"{desk().url}/openapi.json",
                    f"--header=Authorization: Bearer {desk().key}",
                    f"--checks={CHECKS}",
                    f"--max-examples={EXAMPLES}",
                    "--generation-deterministic",
                    "--request-timeout=20",
                    "--workers=2",
                    "--no-color",
                ],
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=WITHIN_S,
            )
        self.assertEqual(ran.returncode, 0, ran.stdout)
