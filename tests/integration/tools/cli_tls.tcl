# redis-cli over TLS: what it verifies, and what it says when that fails.

file_needs cli tls
source [file join $root tests support cli.tcl]

proc tls_cli {args} {
    return [cli_words [concat [list -p [srv tls_port] --tls] $args ping]]
}
proc assert_refused {pattern args} {
    set result [tls_cli {*}$args]
    if {[dict get $result code] != 1 || ![string match $pattern [dict get $result err]]} {
        fail "expected '$pattern', got $result"
    }
}
proc pair {name} { return [list --cert [certificate $name.crt] --key [certificate $name.key]] }

start_server {overrides {tls-auth-clients yes}} {
    set ca [list --cacert [certificate ca.crt]]

    test "cli TLS: a trusted server and a client certificate" {
        assert_equal "PONG\n" [dict get [tls_cli {*}$ca {*}[pair client]] out]
    }

    test "cli TLS: a client certificate is required" {
        assert_refused "Could not connect to Redis at 127.0.0.1:*: TLS *certificate*" {*}$ca
    }

    test "cli TLS: an unknown authority, from either side" {
        assert_refused "Could not connect to Redis at 127.0.0.1:*: TLS handshake failed: certificate verify failed: *" \
            --cacert [certificate other-ca.crt] {*}[pair client]
        assert_refused "Could not connect to Redis at 127.0.0.1:*: TLS *unknown ca*" {*}$ca {*}[pair stranger]
        assert_equal "PONG\n" [dict get [tls_cli --insecure {*}[pair client]] out]
    }

    test "cli TLS: --tls-verify-host compares names" {
        assert_equal "PONG\n" [dict get [tls_cli {*}$ca {*}[pair client] --tls-verify-host] out]
        assert_equal "PONG\n" [dict get [tls_cli {*}$ca {*}[pair client] --tls-verify-host -h localhost] out]
        assert_refused "*certificate verify failed: *mismatch*" {*}$ca {*}[pair client] --tls-verify-host --sni elsewhere.example
    }

    test "cli TLS: files that are no good" {
        assert_refused "*/nowhere/ca.crt*" --cacert /nowhere/ca.crt
        assert_refused "*rivate key*" {*}$ca --cert [certificate client.crt] --key [certificate server.key]
        assert_refused "*expired*" {*}$ca {*}[pair expired]
    }

    test "cli TLS: a rediss URI" {
        set result [cli_words [concat [list -u rediss://localhost:[srv tls_port]/2] $ca [pair client] {ping}]]
        assert_equal "PONG\n" [dict get $result out]
    }
}


test "cli TLS: a server that speaks plaintext" {
    set port [canned_server [list "-ERR unknown command\r\n"]]
    set result [cli_words [list -p $port --tls --insecure ping]]
    assert_equal 1 [dict get $result code]
    assert_match "Could not connect to Redis at 127.0.0.1:$port: TLS *" [dict get $result err]
}

# The name in a captured ClientHello is there in the clear.
test "cli TLS: the host name is sent (SNI), an address is not" {
    foreach {words is_sent} {{-h localhost} 1 {-h 127.0.0.1} 0 {-h 127.0.0.1 --sni localhost} 1} {
        set port [canned_server close]
        cli_words [concat [list -p $port --tls --insecure] $words ping]
        assert_equal $is_sent [string match "*localhost*" $::canned_input] $words
    }
}

test "cli TLS: an expired server certificate" {
    set port [free_port]
    set channel [open |[list openssl s_server -accept 127.0.0.1:$port -quiet \
        -cert [certificate server-expired.crt] -key [certificate server-expired.key] 2>@1] r+]
    lappend ::helpers $channel
    wait_until 0 10 { catch {close [socket 127.0.0.1 $port]} }
    set result [cli_words [list -p $port --tls --cacert [certificate ca.crt] ping]]
    foreach pid [pid $channel] { kill_process $pid }
    assert_match "*certificate verify failed: certificate has expired*" [dict get $result err]
}
