#!/bin/sh
# Compiles the C programs here and under ../../bench to WebAssembly beside their sources. Needs clang with the target
# wasm32-wasi, lld, wasi-libc and the wasm32 builtins (Debian: clang lld wasi-libc libclang-rt-dev-wasm32).
set -eu
cd "$(dirname "$0")"
for source in *.c ../../bench/*/*.c; do
  clang --target=wasm32-wasi -O2 -ffp-contract=off -s -Wall -Wextra -Wno-unused-function \
    -Wl,-z,stack-size=32768 -o "${source%.c}.wasm" "$source"
done
