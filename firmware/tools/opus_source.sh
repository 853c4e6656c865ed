#!/bin/sh
# opus_source.sh DIRECTORY: libopus's sources into it, from where this machine's apt has its libopus; nothing if they are
# there. Checked against the hashes that the makers publish (releases.sha2). Elsewhere: make OPUS_SOURCE=, any release.
set -eu
where=$1
[ ! -e "$where/src/opus_encoder.c" ] || exit 0
fail() { echo "error: $1" >&2; echo "get libopus's sources, and say where: make firmware-test OPUS_SOURCE=/path/to/opus-1.3.1" >&2; exit 1; }
command -v apt-get >/dev/null || fail "libopus's sources come by apt, which is not here"
uri=$(apt-get download --print-uris libopus-dev 2>/dev/null | sed "s/^'\([^']*\)'.*/\1/")
[ -n "$uri" ] || fail "apt does not know where libopus-dev is: run apt-get update first"
version=$(basename "$uri" | sed 's/^[^_]*_\([0-9.]*\).*/\1/')
case $version in
1.3.1) sha256=65b58e1e25b2a114157014736a3d9dfeaad8d41be1c8179866f144a2fb44ff9d ;;
1.5.2) sha256=65c1d2f78b9f2fb20082c38cbe47c951ad5839345876e46941612ee87f9a7ce1 ;;
*) fail "no hash of libopus $version is known here" ;;
esac
mkdir -p "$where"
/usr/lib/apt/apt-helper -qq download-file "$(dirname "$uri")/opus_$version.orig.tar.gz" "$where/opus.tar.gz" "SHA256:$sha256" ||
	fail "libopus $version cannot be fetched"
tar -xzf "$where/opus.tar.gz" -C "$where" --strip-components 1
