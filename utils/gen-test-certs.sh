#!/usr/bin/env bash
# Makes the certificates that tests and `make run` use, in tests/tls/. Needs openssl(1) alone.
#
# Usage: utils/gen-test-certs.sh [-f] [-o FOLDER]
#   -f  makes them anew; without it nothing is done while they are there and stay valid for a week.
#
#   ca.crt ca.key              the authority that is trusted
#   redis.crt redis.key        server and client
#   server.crt server.key      server only (extended key usage)
#   client.crt client.key      client only, CN "Client-only"
#   redis.dh                   Diffie-Hellman parameters (RFC 7919 ffdhe2048)
#   expired.crt, notyet.crt    outside their dates
#   revoked.crt, ca.crl        on the authority's list
#   wrongca.crt, wrongclient.crt, wrongserver.crt   another authority, and what it signed
#   encrypted.key, encrypted.pass  redis.key behind a passphrase, and the passphrase
#   nul.crt                    CN "admin", a NUL, ".evil"
#   uri.crt                    subject alternative names that are URIs
#   intermediate.crt, chained.crt  a chain of three: chained.crt holds leaf and intermediate
#   ec.crt ec.key              P-256, for other cipher suites
set -euo pipefail

folder=$(cd "$(dirname "$0")/.." && pwd)/tests/tls
force=no
while getopts fo: option; do
    case $option in
    f) force=yes ;;
    o) folder=$OPTARG ;;
    *) exit 2 ;;
    esac
done
mkdir -p "$folder"
cd "$folder"

is_fresh() {
    [ -f .complete ] && [ .complete -nt "$0" ] || return 1
    local name
    for name in ca redis server client wrongca wrongclient uri chained; do
        openssl x509 -in $name.crt -noout -checkend 604800 >/dev/null 2>&1 || return 1
    done
}

# Two test programs may need them at the same moment.
exec 9>.lock
flock 9 2>/dev/null || true
if [ $force = no ] && is_fresh; then
    exit 0
fi
rm -f .complete ./*.crt ./*.key ./*.crl ./*.dh ./*.pass
work=$(mktemp -d)
log=$work/log
trap 'status=$?; [ $status = 0 ] || cat "$log" >&2; rm -rf "$work"' EXIT

touch "$work/index.txt"
echo 1000 >"$work/serial"
echo 01 >"$work/crlnumber"
names="DNS:localhost,IP:127.0.0.1,IP:::1"
cat >"$work/ca.cnf" <<END
[ca]
default_ca = local
[local]
database = $work/index.txt
serial = $work/serial
crlnumber = $work/crlnumber
new_certs_dir = $work
default_md = sha256
default_days = 365
default_crl_days = 365
policy = any
unique_subject = no
copy_extensions = none
[any]
organizationName = optional
commonName = supplied
[req]
distinguished_name = empty
string_mask = utf8only
[empty]
[authority]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[both]
keyUsage = digitalSignature,keyEncipherment
subjectAltName = $names
[server]
keyUsage = digitalSignature,keyEncipherment
extendedKeyUsage = serverAuth
subjectAltName = $names
[client]
keyUsage = digitalSignature,keyEncipherment
extendedKeyUsage = clientAuth
[uri]
keyUsage = digitalSignature,keyEncipherment
subjectAltName = URI:urn:sluice:alice,URI:spiffe://example.org/service/bob,DNS:localhost
END

new_key() { # NAME [openssl genpkey arguments]
    local name=$1
    shift
    [ $# -gt 0 ] || set -- -algorithm RSA -pkeyopt rsa_keygen_bits:2048
    openssl genpkey "$@" -out "$name.key" >>"$log" 2>&1
    chmod 600 "$name.key"
}

new_authority() { # NAME COMMON_NAME
    openssl req -config "$work/ca.cnf" -new -x509 -sha256 -key "$1.key" -days 3650 \
        -subj "/O=Sluice Test/CN=$2" -extensions authority -out "$1.crt" >>"$log" 2>&1
}

sign() { # NAME COMMON_NAME EXTENSIONS AUTHORITY [openssl ca arguments]
    local name=$1 common_name=$2 extensions=$3 authority=$4
    shift 4
    openssl req -config "$work/ca.cnf" -new -sha256 -key "$name.key" \
        -subj "/O=Sluice Test/CN=$common_name" -out "$work/$name.csr" >>"$log" 2>&1
    openssl ca -config "$work/ca.cnf" -batch -notext -cert "$authority.crt" -keyfile "$authority.key" \
        -in "$work/$name.csr" -extensions "$extensions" -out "$name.crt" "$@" >>"$log" 2>&1
}

# openssl(1) takes no NUL in a name. So a placeholder of the same size is signed first; in the DER form
# the signature is the last 256 bytes, and what is signed begins after the outer header of 4 bytes.
put_nul() {
    openssl x509 -in nul.crt -outform DER | LC_ALL=C sed 's/admin@[.]evil/admin\x00.evil/g' >"$work/nul.der"
    head -c -256 "$work/nul.der" >"$work/head.der"
    local size
    size=$(openssl asn1parse -inform DER -in "$work/nul.der" |
        sed -n '2s/.*hl=\([0-9]*\) *l= *\([0-9]*\).*/\1 \2/p')
    # shellcheck disable=SC2086
    set -- $size
    tail -c +5 "$work/nul.der" | head -c $(($1 + $2)) |
        openssl dgst -sha256 -sign ca.key -out "$work/signature"
    cat "$work/head.der" "$work/signature" | openssl x509 -inform DER -out nul.crt
}

new_pair() {
    new_key "$1" &
    new_key "$2" &
    wait
}
for pair in "ca wrongca" "redis server" "client expired" "notyet revoked" "wrongclient wrongserver" \
    "nul uri" "intermediate chained"; do
    # shellcheck disable=SC2086
    new_pair $pair
done
new_key ec -algorithm EC -pkeyopt ec_paramgen_curve:P-256

new_authority ca "Certificate Authority"
new_authority wrongca "Another Authority"

sign redis localhost both ca
sign server "Server-only" server ca
sign client "Client-only" client ca
sign expired expired both ca -startdate 20200101000000Z -enddate 20210101000000Z
sign notyet notyet both ca -startdate 20900101000000Z -enddate 20910101000000Z
sign revoked revoked both ca
sign nul "admin@.evil" client ca
sign uri uri-holder uri ca
sign ec localhost both ca
sign intermediate "Intermediate Authority" authority ca
sign chained chained both intermediate
cat intermediate.crt >>chained.crt
sign wrongclient "Client-only" client wrongca
sign wrongserver localhost both wrongca
put_nul

openssl ca -config "$work/ca.cnf" -cert ca.crt -keyfile ca.key -revoke revoked.crt >>"$log" 2>&1
openssl ca -config "$work/ca.cnf" -cert ca.crt -keyfile ca.key -gencrl -out ca.crl >>"$log" 2>&1

echo "the passphrase" >encrypted.pass
openssl pkey -in redis.key -aes256 -passout file:encrypted.pass -out encrypted.key >>"$log" 2>&1
openssl genpkey -genparam -algorithm DH -pkeyopt group:ffdhe2048 -out redis.dh >>"$log" 2>&1
touch .complete
