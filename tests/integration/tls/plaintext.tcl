# Plaintext on the TLS port, TLS on the plain port.

file_needs built_tls

start_server [list overrides [list port [free_port] tls-port [free_port]]] {
    test "Plaintext on the TLS port gets a readable error" {
        foreach bytes [list "PING\r\n" "*1\r\n\$4\r\nPING\r\n" "GET / HTTP/1.1\r\n\r\n"] {
            set c [resp::connect -port [srv tls_port]]
            $c write $bytes
            assert_equal "-ERR this port speaks TLS; connect with --tls\r\n" [$c raw]
            assert_equal 1 [$c eof]
            $c close
        }
    } {sluice}

    test "Plaintext on the TLS port is closed" {
        set c [resp::connect -port [srv tls_port]]
        $c write "PING\r\n"
        catch {$c raw}
        assert_equal 1 [$c eof]
        $c close
        assert_equal PONG [r ping]
    }

    test "A single byte of plaintext on the TLS port is answered" {
        set c [resp::connect -port [srv tls_port]]
        $c write "*"
        assert_equal "-ERR this port speaks TLS; connect with --tls\r\n" [$c raw]
        $c close
    } {sluice}

    test "TLS on the plain port is closed" {
        assert_error "TLS handshake failed*" {
            resp::connect -port [srv plain_port] -tls 1 -tls_options [tls_client_options] -timeout 5000
        }
        assert_equal PONG [r ping]
    } {sluice}

    test "TLS on the plain port leaves a few lines a second in the log, also when it comes often" {
        set mark [log_size]
        set began [clock milliseconds]
        for {set i 0} {$i < 50} {incr i} {
            set c [resp::connect -port [srv plain_port]]
            $c write [captured_client_hello]
            assert_equal 1 [$c eof]
            $c close
        }
        set lines [log_lines_after $mark "*TLS*plain*"]
        set seconds_begun [expr {([clock milliseconds] - $began) / 1000 + 2}]
        assert_range [llength $lines] 1 [expr {4 * $seconds_begun}]
    } {sluice}
}
