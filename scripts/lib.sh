# What the scripts share. Sourced, never run; the working directory is the
# repository's root.

say() { printf '== %s\n' "$*" >&2; }
die() { printf '%s\n' "$*" >&2; exit 1; }

# need COMMAND WHERE: stops unless the command is there.
need() { command -v "$1" >/dev/null || die "$1 is needed and is not installed; get it from $2"; }

# apt_install PACKAGE: installs a Debian package where that can be done without
# asking; fails elsewhere.
apt_install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  say "installing $1"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1" >/dev/null
}

# npm_install DIR: installs exactly what the lock file names, when it changed.
npm_install() {
  local mark="$1/node_modules/.installed"
  if [ ! -e "$mark" ] || [ "$1/package-lock.json" -nt "$mark" ]; then
    say "installing npm packages of $1"
    npm --prefix "$1" ci --no-audit --no-fund --loglevel=error
    touch "$mark"
  fi
}

# stale FILE SOURCE...: true if FILE is missing or older than anything in SOURCE.
stale() {
  local file="$1"
  shift
  [ ! -e "$file" ] || [ -n "$(find "$@" -newer "$file" -type f -print -quit 2>/dev/null)" ]
}
