# Functions of start.sh and test.sh. Sourced, not run.

# Versions of Node before 20 lack what the tool needs; and a fresh checkout has no modules yet.
prepare_node() {
  local major
  major=$(node -p 'process.versions.node.split(".")[0]')
  if [ "$major" -lt 20 ]; then
    echo "Node 20 or later is needed; this is $(node --version)." >&2
    exit 3
  fi
  if [ ! -d node_modules ]; then
    echo "Installing the packages of package-lock.json ..."
    npm ci --no-audit --no-fund --loglevel=error
  fi
}

# install_missing MODE COMMAND:PACKAGES ... : as root on Debian installs the packages (comma-separated) of every command
# that is not there. Elsewhere prints the exact install command, and ends with code 3 where MODE is "required".
install_missing() {
  local mode=$1 entry packages=""
  shift
  for entry in "$@"; do
    command -v "${entry%%:*}" > /dev/null 2>&1 || packages="$packages ${entry#*:}"
  done
  packages=$(echo "$packages" | tr ',' ' ' | xargs)
  [ -z "$packages" ] && return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null 2>&1; then
    echo "Installing $packages ..."
    # shellcheck disable=SC2086
    if apt_quietly update && apt_quietly install -y --no-install-recommends $packages; then return 0; fi
  fi
  echo "Not installed: $packages. Install with:" >&2
  echo "  sudo apt-get install -y --no-install-recommends $packages" >&2
  [ "$mode" = required ] && exit 3
  return 0
}

# Shows what apt says only when it fails.
apt_quietly() {
  local log
  log=$(mktemp)
  if DEBIAN_FRONTEND=noninteractive apt-get -q "$@" > "$log" 2>&1; then
    rm -f "$log"
    return 0
  fi
  cat "$log" >&2
  rm -f "$log"
  return 1
}

build_tool() {
  node node_modules/typescript/bin/tsc -p tsconfig.build.json
}
