#!/bin/sh
# Installs qvdhouse, upgrades it, goes back, removes it. Needs tar, gzip, sha256sum, and curl or wget
# (neither for --url file://…).
#
#   curl -fsSL https://qvdhouse.example.org/install.sh | bash
#   sh install.sh --help
#
# A version is a folder of its own below DIR/lib/qvdhouse-versions; `current` is a link to the one in
# use, and changing that link is the last thing that happens. Whatever fails before it changes nothing.
set -eu

# Where releases are.
address=https://qvdhouse.example.org

usage() {
  cat <<'TEXT'
usage: install.sh [OPTIONS]

  --dest DIR      where to install (root: /usr/local, others: ~/.local)
  --version V     that version (the latest)
  --with-engine   the embedded ClickHouse too: 175 MB to fetch, 570 MB on disk
  --url BASE      where releases are: https://…, or file:///folder for a copy
  --rollback      use the version before again; fetches nothing
  --uninstall     remove all versions; data and settings stay
  --type pipeline qvd_to_clickhouse v1 514-labs python default
                  the command line of the original: DIR is ./qvd_to_clickhouse unless --dest says
                  otherwise, and has qvdhouse and init_qvd in it
TEXT
}

say() { printf '%s\n' "$*"; }
fail() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}
usage_error() { fail "$*; see install.sh --help"; }

# --- The command line ---------------------------------------------------------------------------

action=install dest='' version='' with_engine=false pipeline=false words=''
needs_value() {
  case ${2:-} in '') usage_error "$1 needs a value" ;; esac
}
while [ $# -gt 0 ]; do
  case $1 in
    --dest | --version | --url | --type)
      needs_value "$@"
      case $1 in
        --dest) dest=$2 ;;
        --version) version=${2#v} ;;
        --url) address=${2%/} ;;
        --type)
          [ "$2" = pipeline ] || usage_error "--type knows 'pipeline' only, not '$2'"
          pipeline=true
          ;;
      esac
      shift
      ;;
    --with-engine) with_engine=true ;;
    --rollback) action=rollback ;;
    --uninstall) action=uninstall ;;
    -h | --help)
      usage
      exit 0
      ;;
    -*) usage_error "the flag '$1' is not known" ;;
    *) words="$words $1" ;;
  esac
  shift
done
# The name comes first; version, author, language and kind of the original's pipeline follow.
case $pipeline:$words in
  false: | 'true: qvd_to_clickhouse' | 'true: qvd_to_clickhouse '*) ;;
  true:*) usage_error "--type pipeline knows 'qvd_to_clickhouse' only, not '${words# }'" ;;
  *) usage_error "the argument '${words# }' is not known" ;;
esac
if [ -z "$dest" ]; then
  if $pipeline; then
    dest=qvd_to_clickhouse
  elif [ "$(id -u)" = 0 ]; then
    dest=/usr/local
  else
    dest=${HOME:?"HOME is not set; name a folder with --dest"}/.local
  fi
fi
case $dest in /*) ;; *) dest=$PWD/$dest ;; esac
versions=$dest/lib/qvdhouse-versions

# --- What links where ---------------------------------------------------------------------------

# linked_files: what DIR has as links into the version in use.
linked_files() {
  say bin/qvdhouse
  say bin/init_qvd
  say share/man/man1/qvdhouse.1
  say share/man/man1/init_qvd.1
  say share/bash-completion/completions/qvdhouse
  say share/bash-completion/completions/init_qvd
  say share/fish/vendor_completions.d/qvdhouse.fish
  say share/fish/vendor_completions.d/init_qvd.fish
  say share/zsh/site-functions/_qvdhouse
}

# swap TARGET LINK: makes or changes a link in one step.
swap() {
  rm -f "$2.new"
  ln -s "$1" "$2.new" && mv -fT "$2.new" "$2"
}

version_of() { readlink "$versions/$1" 2>/dev/null || true; }

link_files() {
  linked_files | while read -r file; do
    case $file in
      share/zsh/*) target=current/share/zsh/vendor-completions/_qvdhouse ;;
      *) target=current/$file ;;
    esac
    [ -e "$versions/$target" ] || continue
    [ ! -e "$dest/$file" ] || [ -L "$dest/$file" ] || {
      say "install.sh: $dest/$file is there already and is not ours; it stays as it is" >&2
      continue
    }
    mkdir -p "$dest/${file%/*}"
    up=$(say "${file%/*}" | sed 's:[^/][^/]*:..:g')
    swap "$up/lib/qvdhouse-versions/$target" "$dest/$file"
  done
  if $pipeline; then
    swap bin/qvdhouse "$dest/qvdhouse"
    swap bin/init_qvd "$dest/init_qvd"
  fi
}

uninstall() {
  [ -d "$versions" ] || fail "there is no qvdhouse in $dest; name the folder with --dest"
  for file in $(linked_files) qvdhouse init_qvd; do
    case $(readlink "$dest/$file" 2>/dev/null) in
      */qvdhouse-versions/current/* | bin/qvdhouse | bin/init_qvd) rm -f "$dest/$file" ;;
    esac
  done
  rm -rf "$versions"
  say "qvdhouse is gone from $dest. Data and settings (qvdhouse-data, qvdhouse.toml, .env) were left alone."
}

rollback() {
  previous=$(version_of previous)
  now=$(version_of current)
  { [ -n "$previous" ] && [ -d "$versions/$previous" ]; } ||
    fail "there is no version before to go back to in $dest; install one with --version"
  swap "$previous" "$versions/current"
  swap "$now" "$versions/previous"
  say "qvdhouse ${previous%.again} is in use again in $dest/bin; --rollback once more gives ${now%.again}."
}

# --- Fetching and checking ----------------------------------------------------------------------

# fetch NAME FILE: one file from the address.
fetch() {
  case $address in
    file://*) error=$(cp "${address#file://}/$1" "$2" 2>&1) ;;
    *)
      if command -v curl >/dev/null 2>&1; then
        error=$(curl -fsSL "$address/$1" -o "$2" 2>&1)
      elif command -v wget >/dev/null 2>&1; then
        error=$(wget -nv -O "$2" "$address/$1" 2>&1)
      else
        fail "curl or wget is needed to fetch from $address: install one, or fetch the files elsewhere and use --url file:///folder"
      fi
      ;;
  esac || fail "$address/$1 cannot be fetched: $(first_line "$error"). $unchanged Check network and free space, or name a copy with --url."
}
first_line() { say "$1" | head -n 1; }

# check NAME: the file that was fetched is the one that SHA256SUMS names.
check() {
  wanted=$(sed -n "s/^\([0-9a-f]\{64\}\)  $1\$/\1/p" "$work/SHA256SUMS")
  [ -n "$wanted" ] || fail "$address/$version/SHA256SUMS does not name $1. $unchanged"
  found=$(sha256sum "$work/$1")
  found=${found%% *}
  [ "$wanted" = "$found" ] ||
    fail "$1 is damaged: expected sha256 $wanted, found $found. $unchanged Run it again; if it stays so, fetch from elsewhere with --url."
}

# unpack NAME FOLDER: the archive's one folder becomes FOLDER.
unpack() {
  need=$(gzip -l "$work/$1" 2>/dev/null | awk 'NR == 2 { print int($2 / 1024) + 1 }')
  need=${need:-1}
  free=$(df -Pk "$versions" | awk 'NR == 2 { print $4 }')
  [ "$free" -gt "$need" ] ||
    fail "$versions has $((free / 1024)) MB free, $((need / 1024 + 1)) MB are needed. $unchanged Make room, or choose another folder with --dest."
  mkdir -p "$work/$2"
  error=$(tar -xzf "$work/$1" -C "$work/$2" --strip-components=1 --no-same-owner 2>&1) ||
    fail "$1 cannot be unpacked: $(first_line "$error"). $unchanged"
  rm -f "$work/$1"
}

check_system() {
  system=$(uname -s)/$(uname -m)
  [ "$system" = Linux/x86_64 ] || fail "there is no qvdhouse for $system, only for Linux/x86_64. $unchanged"
  libc=$(getconf GNU_LIBC_VERSION 2>/dev/null || true)
  case $libc in
    glibc\ *.*) ;;
    *) fail "qvdhouse needs glibc 2.34 or newer; this system has another C library. $unchanged" ;;
  esac
  libc=${libc#glibc }
  minor=${libc#*.}
  minor=${minor%%.*}
  [ "${libc%%.*}" -gt 2 ] || [ "$minor" -ge 34 ] ||
    fail "qvdhouse needs glibc 2.34 or newer (RHEL 9, Ubuntu 22.04, Debian 12); this system has $libc. $unchanged Use the container image, or build it from source."
}

# --- Installing ---------------------------------------------------------------------------------

install_engine() {
  name=$(sed -n 's/^[0-9a-f]*  \(qvdhouse-engine-[^ ]*-linux-x86_64\.tar\.gz\)$/\1/p' "$work/SHA256SUMS")
  [ -n "$name" ] || fail "$address/$version has no engine. $unchanged"
  engine=${name%-linux-x86_64.tar.gz}
  if [ ! -e "$versions/$engine/lib/qvdhouse/libchdb.so" ]; then
    say "Fetching the embedded ClickHouse ($name)"
    fetch "$version/$name" "$work/$name"
    check "$name"
    unpack "$name" engine
    rm -rf "${versions:?}/$engine"
    mv "$work/engine" "$versions/$engine"
  fi
  ln -sf "../../../$engine/lib/qvdhouse/libchdb.so" "$work/program/lib/qvdhouse/libchdb.so"
}

# Keeps the version in use, the one before, and the engines that they use.
remove_old() {
  for folder in "$versions"/*; do
    name=${folder##*/}
    case $name in
      current | previous | "$(version_of current)" | "$(version_of previous)") continue ;;
      qvdhouse-engine-*)
        readlink "$versions"/current/lib/qvdhouse/libchdb.so "$versions"/previous/lib/qvdhouse/libchdb.so 2>/dev/null |
          grep -q "/$name/" && continue
        ;;
    esac
    rm -rf "$folder"
  done
}

install() {
  now=$(version_of current)
  unchanged='Nothing was installed.'
  [ -z "$now" ] || unchanged="qvdhouse ${now%.again} is still in use."
  check_system
  { mkdir -p "$versions" && [ -w "$versions" ]; } 2>/dev/null ||
    fail "$versions cannot be written. $unchanged Choose another folder with --dest."
  work=$versions/.work.$$
  # Folders that are left empty go too.
  trap 'rm -rf "$work"; rmdir "$versions" "$dest/lib" "$dest" 2>/dev/null || true' EXIT
  trap 'exit 130' INT TERM HUP
  mkdir "$work"

  if [ -z "$version" ]; then
    fetch latest "$work/latest"
    version=$(head -n 1 "$work/latest")
  fi
  name=qvdhouse-$version-linux-x86_64.tar.gz
  say "Fetching qvdhouse $version"
  fetch "$version/SHA256SUMS" "$work/SHA256SUMS"
  fetch "$version/$name" "$work/$name"
  check "$name"
  unpack "$name" program
  # Who has the engine keeps it.
  [ ! -e "$versions/current/lib/qvdhouse/libchdb.so" ] || with_engine=true
  if $with_engine; then install_engine; fi
  found=$("$work/program/bin/qvdhouse" version 2>&1 | head -n 1) || true
  [ "$found" = "qvdhouse $version" ] ||
    fail "qvdhouse $version does not run here: $found. $unchanged"

  # The version in use is replaced by itself in a folder beside it.
  folder=$version
  [ "$now" != "$folder" ] || folder=$version.again
  rm -rf "${versions:?}/$folder"
  mv "$work/program" "$versions/$folder"
  swap "$folder" "$versions/current"
  case $now in
    '' | "$version" | "$version.again") ;;
    *) swap "$now" "$versions/previous" ;;
  esac
  link_files
  remove_old

  case $now in
    '') say "qvdhouse $version is in $dest/bin." ;;
    "$version" | "$version.again") say "qvdhouse $version was installed again in $dest/bin." ;;
    *) say "qvdhouse $version is in $dest/bin, in place of ${now%.again}; --rollback goes back." ;;
  esac
  case :$PATH: in
    *":$dest/bin:"*) ;;
    *) say "Add it to your path: export PATH=$dest/bin:\$PATH" ;;
  esac
  if [ ! -e "$versions/current/lib/qvdhouse/libchdb.so" ]; then
    say "It loads into a ClickHouse server; for the embedded one, run this again with --with-engine."
  fi
}

"$action"
