"""Compiles the GPU kernels to PTX with NVRTC, and lets ptxas say what each needs on every family of cards.

    cuda-kernels.py SOURCES OUT     PTX of every SOURCES/*.cu into OUT
    cuda-kernels.py --report OUT    registers, shared memory and spills of every kernel in OUT/*.ptx
"""

import ctypes
import pathlib
import re
import subprocess
import sys

ARCHITECTURE = "compute_80"
CARDS = ["sm_80", "sm_86", "sm_89", "sm_90"]


def packages() -> pathlib.Path:
    return next(pathlib.Path(sys.prefix).glob("lib/python*/site-packages/nvidia"))


def compile_kernels(sources: pathlib.Path, out: pathlib.Path) -> None:
    nvrtc = ctypes.CDLL(str(packages() / "cuda_nvrtc/lib/libnvrtc.so.12"))

    def check(status: int) -> None:
        if status:
            nvrtc.nvrtcGetErrorString.restype = ctypes.c_char_p
            raise SystemExit(nvrtc.nvrtcGetErrorString(status).decode())

    options = [f"--gpu-architecture={ARCHITECTURE}", f"--include-path={sources}", "--std=c++17"]
    arguments = (ctypes.c_char_p * len(options))(*[option.encode() for option in options])
    for source in sorted(sources.glob("*.cu")):
        program = ctypes.c_void_p()
        text = source.read_bytes()
        check(nvrtc.nvrtcCreateProgram(ctypes.byref(program), text, source.name.encode(), 0, None, None))
        status = nvrtc.nvrtcCompileProgram(program, len(options), arguments)
        if status:
            size = ctypes.c_size_t()
            check(nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size)))
            log = ctypes.create_string_buffer(size.value)
            check(nvrtc.nvrtcGetProgramLog(program, log))
            raise SystemExit(log.value.decode())
        size = ctypes.c_size_t()
        check(nvrtc.nvrtcGetPTXSize(program, ctypes.byref(size)))
        ptx = ctypes.create_string_buffer(size.value)
        check(nvrtc.nvrtcGetPTX(program, ptx))
        check(nvrtc.nvrtcDestroyProgram(ctypes.byref(program)))
        (out / f"{source.stem}.ptx").write_bytes(ptx.value)


def report(out: pathlib.Path) -> None:
    ptxas = packages() / "cuda_nvcc/bin/ptxas"
    ptxas.chmod(0o755)
    spilled = False
    for ptx in sorted(out.glob("*.ptx")):
        for card in CARDS:
            command = [ptxas, "--verbose", f"--gpu-name={card}", ptx, "--output-file=/dev/null"]
            said = subprocess.run(command, capture_output=True, text=True)
            if said.returncode:
                raise SystemExit(f"{ptx.name}, {card}: {said.stderr}")
            kernel = ""
            spills = ""
            for line in said.stderr.splitlines():
                if found := re.search(r"Compiling entry function '(\w+)'", line):
                    kernel = found[1]
                elif found := re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", line):
                    spills = f", spills {found[1]}/{found[2]} bytes" if found[1] != "0" else ""
                    spilled |= bool(spills)
                elif found := re.search(r"Used (\d+) registers(.*)", line):
                    shared = re.search(r"(\d+) bytes smem", found[2])
                    shared = f", {shared[1]} bytes shared" if shared else ""
                    print(f"{card} {kernel}: {found[1]} registers{shared}{spills}")
    if spilled:
        raise SystemExit("a kernel spills registers to memory")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--report", out]:
            report(pathlib.Path(out))
        case [sources, out]:
            compile_kernels(pathlib.Path(sources), pathlib.Path(out))
        case _:
            raise SystemExit(__doc__)
