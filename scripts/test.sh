#!/usr/bin/env bash
# npm test: installs what the tests need, builds, runs all of them. With CI=true nothing may be missing.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/tools.sh

prepare_node
mode=optional
[ "${CI:-}" = true ] && mode=required
install_missing "$mode" gcc:gcc,libc6-dev g++:g++ arm-none-eabi-gcc:gcc-arm-none-eabi riscv64-unknown-elf-gcc:gcc-riscv64-unknown-elf \
  qemu-system-arm:qemu-system-arm qemu-system-riscv32:qemu-system-misc avr-gcc:gcc-avr,avr-libc avr-objdump:binutils-avr simavr:simavr \
  clang:clang iverilog:iverilog llvm-objdump:llvm chromium:chromium
build_tool
exec node --import tsx test/run-all.ts "$@"
