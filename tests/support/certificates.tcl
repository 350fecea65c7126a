# Certificates for the tests, made once and kept in tests/tmp/certs (all are throw-away keys).
# EC keys, because they are made and used quickly; one RSA pair for the tests that want it.
#
#   ca.crt, other-ca.crt         two authorities; "other" signed nothing that a server trusts
#   server.*                     for 127.0.0.1, ::1 and localhost; both usages
#   client.*                     CN=client; client usage
#   alice.*                      CN=alice, URI SAN urn:user:alice
#   nul.*                        CN holds a NUL after "alice"
#   expired.*, future.*          validity over, not begun
#   stranger.*                   signed by other-ca
#   rsa.*                        an RSA server certificate
#   encrypted.key                server.key with the passphrase "secret"
#   revoked.*, ca.crl            revoked by the CRL

proc certificate_dir {} {
    global root
    return [file join $root tests tmp certs]
}

proc prepare_certificates {} {
    set dir [certificate_dir]
    if {[file exists [file join $dir complete]]} {
        # Made anew when they are older than a week: some end after a fortnight.
        if {[clock seconds] - [file mtime [file join $dir complete]] < 7 * 86400} { return }
    }
    set work $dir.[pid]
    file delete -force $work
    file mkdir $work
    make_certificates $work
    write_file [file join $work complete] "1\n"
    file delete -force $dir
    if {[catch {file rename $work $dir}]} {
        # Another run was quicker.
        file delete -force $work
    }
}

proc openssl_run {dir args} {
    if {[catch {exec -ignorestderr openssl {*}$args 2>$dir/openssl.log} output]} {
        puts stderr "openssl $args: $output\n[read_file $dir/openssl.log]"
        exit 2
    }
    return $output
}

proc make_key {dir name {kind ec}} {
    if {$kind eq "rsa"} {
        openssl_run $dir genrsa -out $dir/$name.key 2048
    } else {
        openssl_run $dir ecparam -name prime256v1 -genkey -noout -out $dir/$name.key
    }
}

proc make_authority {dir name} {
    make_key $dir $name
    openssl_run $dir req -x509 -new -sha256 -key $dir/$name.key -days 365 \
        -subj /O=Sluice\ Test/CN=$name -out $dir/$name.crt \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

# Signs name.key; options: -authority NAME -subject DN -extensions TEXT -start -end (YYYYMMDDhhmmssZ).
proc make_certificate {dir name args} {
    array set o [list -authority ca -subject /O=Sluice\ Test/CN=$name -start {} -end {} -kind ec \
        -extensions "extendedKeyUsage=clientAuth\nkeyUsage=digitalSignature"]
    array set o $args
    make_key $dir $name $o(-kind)
    openssl_run $dir req -new -sha256 -utf8 -key $dir/$name.key -subj $o(-subject) -out $dir/$name.csr
    sign_request $dir $name $o(-authority) $o(-extensions) $o(-start) $o(-end)
}

proc sign_request {dir name authority extensions start end} {
    if {$start eq ""} { set start [certificate_time -86400] }
    if {$end eq ""} { set end [certificate_time [expr {300 * 86400}]] }
    if {![file exists $dir/$authority.index]} {
        write_file $dir/$authority.index ""
        write_file $dir/$authority.serial "1000\n"
        write_file $dir/$authority.cnf [authority_config $dir $authority]
    }
    write_file $dir/$name.ext "basicConstraints=CA:FALSE\n$extensions\n"
    openssl_run $dir ca -batch -notext -config $dir/$authority.cnf -startdate $start -enddate $end \
        -extfile $dir/$name.ext -in $dir/$name.csr -out $dir/$name.crt
}

proc authority_config {dir name} {
    return "\[ca\]\ndefault_ca=this\n\[this\]\ndatabase=$dir/$name.index\nserial=$dir/$name.serial
new_certs_dir=$dir\ncertificate=$dir/$name.crt\nprivate_key=$dir/$name.key\ndefault_md=sha256
default_days=300\ndefault_crl_days=300\nunique_subject=no\npolicy=any\nstring_mask=utf8only
preserve=yes\n\[any\]\nO=optional\nCN=optional\n"
}

proc certificate_time {offset} {
    return [clock format [expr {[clock seconds] + $offset}] -format %Y%m%d%H%M%SZ -gmt 1]
}

proc make_certificates {dir} {
    make_authority $dir ca
    make_authority $dir other-ca
    set server "extendedKeyUsage=serverAuth,clientAuth\nkeyUsage=digitalSignature,keyEncipherment
subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"
    make_certificate $dir server -extensions $server
    make_certificate $dir server2 -extensions $server
    make_certificate $dir rsa -extensions $server -kind rsa
    make_certificate $dir server-expired -extensions $server \
        -start [certificate_time -172800] -end [certificate_time -86400]
    make_certificate $dir client
    make_certificate $dir alice -extensions \
        "extendedKeyUsage=clientAuth\nsubjectAltName=URI:urn:user:alice,DNS:alice.example"
    make_certificate $dir bob
    make_certificate $dir stranger -authority other-ca
    make_certificate $dir expired -start [certificate_time -172800] -end [certificate_time -86400]
    make_certificate $dir future -start [certificate_time 86400]
    make_certificate $dir revoked
    make_nul_certificate $dir
    openssl_run $dir ca -config $dir/ca.cnf -revoke $dir/revoked.crt
    openssl_run $dir ca -config $dir/ca.cnf -gencrl -out $dir/ca.crl
    openssl_run $dir ec -in $dir/server.key -aes128 -passout pass:secret -out $dir/encrypted.key
    openssl_run $dir x509 -in $dir/ca.crt -out $dir/ca.crt
    file delete $dir/openssl.log
}

# CN "alice<NUL>.evil": the request is made with a placeholder byte, patched in its DER form, and
# signed again, since no command line accepts a NUL in a name.
proc make_nul_certificate {dir} {
    make_key $dir nul
    openssl_run $dir req -new -sha256 -key $dir/nul.key -subj "/O=Sluice Test/CN=alice@.evil" \
        -outform DER -out $dir/nul.der
    set der [string map [list "alice@.evil" "alice\x00.evil"] [read_file $dir/nul.der]]
    lassign [der_element $der 0] outer_start
    lassign [der_element $der $outer_start] info_start info_size
    set info_end [expr {$info_start + $info_size}]
    lassign [der_element $der $info_end] algorithm_start algorithm_size
    set info [string range $der $outer_start [expr {$info_end - 1}]]
    set algorithm [string range $der $info_end [expr {$algorithm_start + $algorithm_size - 1}]]
    write_file $dir/nul.info $info
    openssl_run $dir dgst -sha256 -sign $dir/nul.key -out $dir/nul.sig $dir/nul.info
    set signature "\x00[read_file $dir/nul.sig]"
    set body "$info$algorithm\x03[der_length [string length $signature]]$signature"
    write_file $dir/nul.der "\x30[der_length [string length $body]]$body"
    openssl_run $dir req -inform DER -in $dir/nul.der -out $dir/nul.csr
    write_file $dir/nul.ext "extendedKeyUsage=clientAuth\n"
    openssl_run $dir x509 -req -sha256 -in $dir/nul.csr -CA $dir/ca.crt -CAkey $dir/ca.key \
        -set_serial 0x4e554c -days 300 -extfile $dir/nul.ext -out $dir/nul.crt
}

# {start size} of the content of the DER element at OFFSET.
proc der_element {der offset} {
    binary scan $der @[expr {$offset + 1}]cu first
    set start [expr {$offset + 2}]
    if {$first < 128} { return [list $start $first] }
    set size 0
    for {set i 0} {$i < $first - 128} {incr i} {
        binary scan $der @[expr {$start + $i}]cu byte
        set size [expr {$size * 256 + $byte}]
    }
    return [list [expr {$start + $first - 128}] $size]
}

proc der_length {size} {
    if {$size < 128} { return [binary format c $size] }
    if {$size < 256} { return [binary format cc 0x81 $size] }
    return [binary format cS 0x82 $size]
}
