# redis-cli over TLS: what it verifies, and what it says when that fails.

file_needs cli tls
source [file join $root tests support cli.tcl]
set has_expect [expr {![catch {package require Expect}]}]
if {$has_expect} { log_user 0 }

proc tls_cli {args} {
    return [cli_words [concat [list -p [srv tls_port] --tls] $args ping]]
}
proc assert_refused {pattern args} {
    set result [tls_cli {*}$args]
    if {[dict get $result code] != 1 || ![string match $pattern [dict get $result err]]} {
        fail "expected '$pattern', got $result"
    }
}
proc pair_of_server {name} { return [list -cert [certificate $name.crt] -key [certificate $name.key]] }
# In a session of its own there is no terminal to ask on. Returns the exit code and standard error.
proc cli_words_without_terminal {words} {
    set code 0
    if {[catch {exec setsid -w [cli_program] {*}$words </dev/null} output options]} {
        set code [lindex [dict get $options -errorcode] 2]
    }
    return "$code $output"
}
proc pair {name} { return [list --cert [certificate $name.crt] --key [certificate $name.key]] }

start_server {overrides {tls-auth-clients yes}} {
    set ca [list --cacert [certificate ca.crt]]

    test "cli TLS: a trusted server and a client certificate" {
        assert_equal "PONG\n" [dict get [tls_cli {*}$ca {*}[pair client]] out]
    }

    test "cli TLS: a client certificate is required" {
        assert_refused "Could not connect to Redis at 127.0.0.1:*: TLS *certificate required (the server asks for a client certificate; give one with --cert and --key)*" {*}$ca
    }

    test "cli TLS: an unknown authority, from either side" {
        assert_refused "Could not connect to Redis at 127.0.0.1:*: TLS handshake failed: certificate verify failed: *" \
            --cacert [certificate other-ca.crt] {*}[pair client]
        assert_refused "Could not connect to Redis at 127.0.0.1:*: TLS *unknown ca*" {*}$ca {*}[pair stranger]
        assert_refused "*(the authority behind the server's certificate is not trusted here; give it with --cacert or --cacertdir)*" \
            --cacert [certificate other-ca.crt] {*}[pair client]
        assert_refused "*(the server does not trust the authority of this client's certificate (--cert))*" \
            {*}$ca {*}[pair stranger]
        assert_equal "PONG\n" [dict get [tls_cli --insecure {*}[pair client]] out]
    }

    test "cli TLS: --tls-verify-host compares names" {
        assert_equal "PONG\n" [dict get [tls_cli {*}$ca {*}[pair client] --tls-verify-host] out]
        assert_equal "PONG\n" [dict get [tls_cli {*}$ca {*}[pair client] --tls-verify-host -h localhost] out]
        assert_refused "*certificate verify failed: *mismatch*" {*}$ca {*}[pair client] --tls-verify-host --sni elsewhere.example
        assert_refused "*(the server's certificate does not carry the name that was asked for with --tls-verify-host; --sni gives another name)*" \
            {*}$ca {*}[pair client] --tls-verify-host --sni elsewhere.example
    }

    test "cli TLS: files that are no good" {
        assert_refused "*/nowhere/ca.crt*" --cacert /nowhere/ca.crt
        assert_refused "*rivate key*" {*}$ca --cert [certificate client.crt] --key [certificate server.key]
        assert_refused "*expired*" {*}$ca {*}[pair expired]
        assert_refused "*is not valid before *" {*}$ca {*}[pair future]
    }

    test "cli TLS: --tls-info tells protocol, names and dates" {
        set result [cli_words [concat [list -p [srv tls_port] --tls-info] $ca [pair client]]]
        assert_equal 0 [dict get $result code] $result
        foreach line {
            "Protocol: *TLSv1.3" "Cipher: *TLS_*" "Group: *[xX]25519"
            "Handshake: *full, *.* ms (connecting took *.* ms)" "Second handshake: *resumed, *.* ms"
            "Verification: *ok" "subject: *CN=server" "issuer: *CN=ca" "names: *DNS:localhost, IP Address:127.0.0.1*"
            "key: *EC, 256 bits" "expires: *20??-??-?? ??:??:?? UTC (in * days)"
        } {
            assert_match "*$line*\n*" [dict get $result out]
        }
        set result [cli_words [concat [list -p [srv tls_port] --insecure --cacert [certificate other-ca.crt] --tls-info] [pair client]]]
        assert_match "*Verification: *FAILED: *(ignored by --insecure)*" [dict get $result out]
        # What the server showed before it refused is told.
        set result [cli_words [concat [list -p [srv tls_port] --tls-info] $ca]]
        assert_equal 1 [dict get $result code]
        assert_match "*Handshake: *subject: *CN=server*" [dict get $result out]
        assert_match "*certificate required*" [dict get $result err]
    }

    test "cli TLS: a reconnection resumes the session" {
        set before [list [s tls_handshakes_full] [s tls_handshakes_resumed]]
        set result [cli_words [concat [list -p [srv tls_port] --tls] $ca [pair client]] \
            "ping\nconnect 127.0.0.1 [srv tls_port]\nping\nconnect localhost [srv tls_port]\nping\n"]
        assert_equal "PONG\nPONG\nPONG\n" [dict get $result out] $result
        # The third target is another one: nothing is offered to it.
        set after [list [s tls_handshakes_full] [s tls_handshakes_resumed]]
        assert_equal {2 1} [lmap new $after old $before {expr {$new - $old}}]
    }

    test "cli TLS: ciphers and groups" {
        foreach {words expected} {
            {--tls-ciphersuites TLS_CHACHA20_POLY1305_SHA256} "*TLS_CHACHA20_POLY1305_SHA256*"
            {--tls-groups P-256} "*Group: *secp256r1*"
        } {
            assert_match $expected [dict get [cli_words [concat [list -p [srv tls_port] --tls-info] $ca [pair client] $words]] out]
        }
    }

    test "cli TLS: an encrypted key" {
        set words [list {*}$ca --cert [certificate server.crt] --key [certificate encrypted.key]]
        set file [file join $work_dir passphrase]
        write_file $file "secret\n"
        assert_equal "PONG\n" [dict get [tls_cli {*}$words --key-pass-file $file] out]
        write_file $file "wrong\n"
        assert_refused "Could not set up TLS: Invalid private key *" {*}$words --key-pass-file $file
        set result [cli_words_without_terminal [concat [list -p [srv tls_port] --tls] $words ping]]
        assert_match "1 *the private key */encrypted.key is encrypted, and there is no terminal *--key-pass-file*" $result
    }

    if {$has_expect} {
    test "cli TLS: an encrypted key's passphrase is asked for" {
        uplevel #0 [list spawn -noecho [cli_program] -p [srv tls_port] --tls {*}$ca \
            --cert [certificate server.crt] --key [certificate encrypted.key] ping]
        expect -timeout 30 "Enter PEM pass phrase:" {} timeout { fail "no question" }
        send "secret\r"
        expect -timeout 30 "PONG" {} timeout { fail "no reply" }
        expect -timeout 30 eof
        assert_no_match "*secret*" $expect_out(buffer)
        assert_equal 0 [lindex [wait] 3]
    }

    test "cli TLS: an encrypted key's passphrase is wrong" {
        uplevel #0 [list spawn -noecho [cli_program] -p [srv tls_port] --tls {*}$ca \
            --cert [certificate server.crt] --key [certificate encrypted.key] ping]
        expect -timeout 30 "Enter PEM pass phrase:" {} timeout { fail "no question" }
        send "wrong\r"
        expect -timeout 30 "Could not set up TLS: Invalid private key" {} timeout { fail "no reason" }
        expect -timeout 30 eof
        assert_no_match "*wrong*" $expect_out(buffer)
        assert_equal 1 [lindex [wait] 3]
    }
    }

    test "cli TLS: a revoked client certificate" {
        r config set tls-crl-file [certificate ca.crl]
        assert_refused "*TLS *certificate revoked (the server finds that the client certificate was revoked (--cert))*" \
            {*}$ca {*}[pair revoked]
        assert_equal "PONG\n" [dict get [tls_cli {*}$ca {*}[pair client]] out]
        r config set tls-crl-file ""
    }

    test "cli TLS: --health" {
        set words [concat [list -p [srv tls_port] --tls --health] $ca]
        set result [cli_words [concat $words [pair client]]]
        assert_match "healthy: PONG in * ms\n" [dict get $result out]
        assert_equal 0 [dict get $result code]
        set result [cli_words $words]
        assert_equal 1 [dict get $result code]
        assert_match "*certificate required*" [dict get $result err]
    }

    test "cli TLS: a rediss URI" {
        set result [cli_words [concat [list -u rediss://localhost:[srv tls_port]/2] $ca [pair client] {ping}]]
        assert_equal "PONG\n" [dict get $result out]
    }

    test "cli TLS: a rediss URI with user, password and database" {
        r config set requirepass "p@ss/w:rd"
        set credentials "default:p%40ss%2Fw%3Ard@"
        foreach host {localhost 127.0.0.1} {
            foreach {path db} {/3 3 / 0 "" 0} {
                set result [cli_words [concat [list -u rediss://$credentials$host:[srv tls_port]$path \
                    --no-auth-warning --tls-verify-host] $ca [pair client] {client info}]]
                assert_match "* db=$db * user=default *" [dict get $result out] $host$path
            }
        }
        # The password alone, and one that is refused.
        set result [cli_words [concat [list -u rediss://p%40ss%2Fw%3Ard@localhost:[srv tls_port] --no-auth-warning] \
            $ca [pair client] ping]]
        assert_equal "PONG\n" [dict get $result out]
        set result [cli_words [concat [list -u rediss://:wrong@localhost:[srv tls_port]] $ca [pair client] ping]]
        assert_equal 1 [dict get $result code]
        assert_match "Warning: *AUTH failed: WRONGPASS*" [dict get $result err]
        set ::env(REDISCLI_AUTH) "p@ss/w:rd"
        assert_equal "PONG\n" [dict get [tls_cli {*}$ca {*}[pair client]] out]
        unset ::env(REDISCLI_AUTH)
        foreach {uri error} {rediss://[::1 "Invalid host or port in URI\n" rediss://a%4@b "Invalid user or password in URI\n"
            rediss://localhost/x "Invalid database number in URI\n" rediss://localhost:70000 "Invalid host or port in URI\n"} {
            assert_equal $error [dict get [cli_words [list -u $uri ping]] err]
        }
        r config set requirepass ""
    }
}

if {![catch {close [socket -server {apply {args {}}} -myaddr ::1 0]}]} {
    start_server {overrides {bind "127.0.0.1 ::1"}} {
        test "cli TLS: a rediss URI with an IPv6 address; -4 and -6" {
            set words [list --cacert [certificate ca.crt] {*}[pair client]]
            set result [cli_words [concat [list -u "rediss://\[::1\]:[srv tls_port]/1" --tls-verify-host] $words {client info}]]
            assert_match "* laddr=\\\[::1\\\]:[srv tls_port] * db=1 *" [dict get $result out] $result
            # Preferences: where localhost has one address only, that is taken; where nobody knows it, it has both.
            set has_both [expr {[catch {exec getent ahostsv6 localhost} found] || [string match "::1 *" $found]}]
            foreach {flag address} [list -4 127.0.0.1 -6 [expr {$has_both ? {\[::1\]} : "127.0.0.1"}]] {
                set result [cli_words [concat [list $flag -h localhost -p [srv tls_port] --tls] $words {client info}]]
                assert_match "* laddr=$address:*" [dict get $result out] $flag
            }
        }
    }
}


test "cli TLS: a server that speaks plaintext" {
    set port [canned_server [list "-ERR unknown command\r\n"]]
    set result [cli_words [list -p $port --tls --insecure ping]]
    assert_equal 1 [dict get $result code]
    assert_match "Could not connect to Redis at 127.0.0.1:$port: TLS *wrong version number *(is it a plaintext port? Without --tls it may answer)*" \
        [dict get $result err]
}

# The name in a captured ClientHello is there in the clear.
test "cli TLS: the host name is sent (SNI), an address is not" {
    foreach {words is_sent} {{-h localhost} 1 {-h 127.0.0.1} 0 {-h 127.0.0.1 --sni localhost} 1} {
        set port [canned_server close]
        cli_words [concat [list -p $port --tls --insecure] $words ping]
        assert_equal $is_sent [string match "*localhost*" $::canned_input] $words
    }
}

# What redis-cli says to a server that openssl plays.
proc says_to_openssl {server_words args} {
    set port [free_port]
    set channel [open |[list openssl s_server -accept 127.0.0.1:$port -quiet {*}$server_words 2>@1] r+]
    lappend ::helpers $channel
    wait_until 0 10 { catch {close [socket 127.0.0.1 $port]} }
    set result [cli_words [list -p $port --tls --cacert [certificate ca.crt] {*}$args ping]]
    foreach pid [pid $channel] { kill_process $pid }
    assert_equal 1 [dict get $result code]
    return [dict get $result err]
}

test "cli TLS: an expired server certificate" {
    assert_match "*certificate verify failed: certificate has expired (the validity of the server's certificate is over; --tls-info --insecure shows its dates)*" \
        [says_to_openssl [pair_of_server server-expired]]
}

test "cli TLS: a server certificate that is not valid yet" {
    set folder [file join $work_dir later]
    file mkdir $folder
    write_file [file join $folder index] ""
    write_file [file join $folder serial] "01\n"
    write_file [file join $folder ca.cnf] [string map [list FOLDER $folder] {
[ca]
default_ca = local
[local]
database = FOLDER/index
serial = FOLDER/serial
new_certs_dir = FOLDER
default_md = sha256
policy = any
x509_extensions = server
[any]
commonName = supplied
[server]
subjectAltName = DNS:localhost, IP:127.0.0.1
}]
    exec openssl req -new -key [certificate server.key] -subj /CN=server -out $folder/later.csr
    exec -ignorestderr openssl ca -batch -notext -config $folder/ca.cnf -cert [certificate ca.crt] \
        -keyfile [certificate ca.key] -startdate 20900101000000Z -enddate 20910101000000Z \
        -in $folder/later.csr -out $folder/later.crt 2>$folder/log
    assert_match "*certificate verify failed: certificate is not yet valid (the server's certificate is not valid yet, or this machine's clock is slow)*" \
        [says_to_openssl [list -cert $folder/later.crt -key [certificate server.key]]]
}

test "cli TLS: a silent server" {
    set port [canned_server {{}}]
    set result [cli_words [list -p $port -t 0.3 --tls --insecure ping]]
    assert_equal [list 1 "Could not connect to Redis at 127.0.0.1:$port: TLS handshake timed out (is it a plaintext port? Without --tls it may answer)\n"] \
        [list [dict get $result code] [dict get $result err]]
}

test "cli TLS: a server without a common group" {
    assert_match "*handshake failure (no cipher or group in common (--tls-ciphers, *), or *" \
        [says_to_openssl [concat [pair_of_server server] {-groups P-256}] --tls-groups X448]
}

test "cli TLS: a server certificate that is no server's" {
    assert_match "*(the server's certificate is not made for servers)*" [says_to_openssl [pair_of_server client]]
}

test "cli TLS: a server with old protocols only" {
    assert_match "*protocol version (no TLS version in common: this client speaks TLS 1.2 and 1.3)*" \
        [says_to_openssl [concat [pair_of_server server] {-tls1_1 -cipher ALL:@SECLEVEL=0}]]
}

test "cli TLS: a server of TLS 1.2 that wants a client certificate" {
    assert_match "*(*--cert*--key*)*" \
        [says_to_openssl [concat [pair_of_server server] [list -tls1_2 -Verify 1 -CAfile [certificate ca.crt]]]]
}
