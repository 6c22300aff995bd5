#!/usr/bin/env bash
# npm start: installs what is missing, builds, runs the main job on the bundled sample.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/tools.sh

prepare_node
install_missing required gcc:gcc,libc6-dev arm-none-eabi-gcc:gcc-arm-none-eabi qemu-system-arm:qemu-system-arm
build_tool
exec node dist/src/main.js --target cortex-m7 "$@"
