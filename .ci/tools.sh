# shellcheck shell=bash
# Sourced by the scripts beside it: what counts as a usable tool, and where to look for one.
# Nothing here installs anything or asks for anything.

# The crate's rust-version (sfu/dataplane/Cargo.toml); a test keeps the two equal.
rust_floor=1.88

# find_python: prints an interpreter of version 3.11 or newer that can make virtual environments. Debian leaves
# ensurepip out of python3 and keeps it in python3-venv, so having Python is not enough.
find_python() {
    local name
    for name in python3 python3.13 python3.12 python3.11 python3.14; do
        if "$name" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$name"
            return
        fi
    done
    return 1
}

# at_least VERSION FLOOR: both dotted numbers.
at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# find_rust: prints a folder whose cargo and rustc are new enough. An old cargo first on PATH must not hide a good one
# elsewhere: ~/.cargo/bin is where rustup puts its own, /usr/lib/rust-*/bin is Ubuntu's for versioned packages.
find_rust() {
    local cargo folder version
    while IFS= read -r cargo; do
        folder=$(dirname "$cargo")
        if ! [ -x "$folder/cargo" ] || ! [ -x "$folder/rustc" ]; then continue; fi
        version=$("$folder/rustc" --version 2>/dev/null | cut -d' ' -f2) || continue
        if [ -n "$version" ] && at_least "${version%%-*}" "$rust_floor"; then
            printf '%s\n' "$folder"
            return
        fi
    done < <(
        type -ap cargo
        printf '%s\n' "${HOME:-/nonexistent}/.cargo/bin/cargo" /usr/bin/cargo
        printf '%s\n' /usr/lib/rust-*/bin/cargo | sort -rV
    )
    return 1
}

find_browser() {
    command -v chromium || command -v google-chrome || command -v google-chrome-stable
}

# find_headless_browser: prints the path of a browser for tests: where it can be had, Debian's build of Chromium's engine
# without windows, to which a new page costs a quarter of what it costs the whole browser.
find_headless_browser() {
    command -v chromium-headless-shell || find_browser
}

# find_postgresql: prints the folder of PostgreSQL's server programs. Debian keeps them off PATH, one folder a version.
find_postgresql() {
    local folder
    while IFS= read -r folder; do
        if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then
            printf '%s\n' "$folder"
            return
        fi
    done < <(
        type -ap initdb | sed 's,/[^/]*$,,'
        printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV
    )
    return 1
}

# has TOOL: whether a usable one is here.
has() {
    case $1 in
        make) command -v make >/dev/null ;;
        python) find_python >/dev/null ;;
        compiler) printf '#include <stdio.h>\n' | cc -E - >/dev/null 2>&1 ;;
        rust) find_rust >/dev/null ;;
        rust-lint)
            local folder
            folder=$(find_rust) || return
            PATH="$folder:$PATH" cargo fmt --version >/dev/null 2>&1 &&
                PATH="$folder:$PATH" cargo clippy --version >/dev/null 2>&1
            ;;
        certificates) [ -s /etc/ssl/certs/ca-certificates.crt ] || [ -n "${SSL_CERT_FILE:-}" ] ;;
        node) command -v node >/dev/null && command -v npm >/dev/null ;;
        browser) find_browser >/dev/null ;;
        # Where there is none to be had, tests do with the whole browser.
        headless-browser)
            command -v chromium-headless-shell >/dev/null ||
                [[ $(apt-cache policy chromium-headless-shell 2>/dev/null) != *"Candidate: "[0-9]* ]]
            ;;
        age) command -v age >/dev/null ;;
        redis) command -v redis-server >/dev/null ;;
        postgresql) find_postgresql >/dev/null ;;
        containers) command -v podman >/dev/null && command -v runc >/dev/null ;;
        debootstrap) [ -x /usr/sbin/debootstrap ] || command -v debootstrap >/dev/null ;;
        *)
            printf 'no such tool: %s\n' "$1" >&2
            return 2
            ;;
    esac
}
