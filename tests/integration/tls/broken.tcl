# Connections that break, at every place, and what must not happen to the others.

file_needs built_tls

set tls_only [list port 0 tls-port [free_port]]

# The server serves, and holds no more descriptors than BEFORE (two of slack for its own files).
proc assert_healthy {before} {
    assert_equal PONG [r ping]
    wait_until 1 10 {s connected_clients}
    wait_until 1 10 {expr {[descriptor_count [srv pid]] <= $before + 2}}
}

# A handshake and PING through a relay with PLAN; errors are expected.
proc try_through {plan {milliseconds 3000}} {
    set port [relay::start [srv tls_port] $plan]
    catch {
        set c [resp::connect -port $port -tls 1 -tls_options [tls_client_options] -timeout $milliseconds]
        $c timeout $milliseconds
        set reply [$c ping]
    }
    catch {$c close}
    relay::cut_all
}

start_server [list overrides $tls_only] {
    r ping
    set before [descriptor_count [srv pid]]

    test "A ClientHello cut at every byte" {
        set hello [captured_client_hello]
        for {set size 0} {$size < [string length $hello]} {incr size 3} {
            set c [resp::connect -port [srv tls_port]]
            $c write [string range $hello 0 $size]
            $c close
        }
        assert_healthy $before
    }

    test "A ClientHello with flipped bytes" {
        set hello [captured_client_hello]
        for {set i 0} {$i < 150} {incr i} {
            set at [expr {int(rand() * [string length $hello])}]
            set c [resp::connect -port [srv tls_port]]
            catch {
                $c write [string replace $hello $at $at [format %c [expr {int(rand() * 256)}]]]
                $c read_available
            }
            $c close
        }
        assert_healthy $before
    }

    test "Handshakes cut after some bytes from the client" {
        foreach size {1 5 6 100 300 517 518 523 530 600 800 1000 1200 1500} {
            try_through [list up $size]
        }
        assert_healthy $before
    }

    test "Handshakes cut after some bytes from the server" {
        foreach size {1 5 6 90 127 128 200 500 900 1200 1500 1800 2200} {
            try_through [list down $size]
        }
        assert_healthy $before
    }

    test "Everything in pieces of one byte" {
        set port [relay::start [srv tls_port] {drip 1}]
        set c [resp::connect -port $port -tls 1 -tls_options [tls_client_options]]
        assert_equal PONG [$c ping]
        assert_equal OK [$c set drip [string repeat d 3000]]
        assert_equal 3000 [string length [$c get drip]]
        $c close
        relay::cut_all
        assert_healthy $before
    }

    test "Records in pieces that never fit" {
        foreach size {3 7 1000 16389} {
            set port [relay::start [srv tls_port] [list drip $size]]
            set c [resp::connect -port $port -tls 1 -tls_options [tls_client_options]]
            set value [string repeat x [expr {$size < 10 ? 5000 : 200000}]]
            assert_equal OK [$c set pieces $value]
            assert {[$c get pieces] eq $value}
            $c close
            relay::cut_all
        }
        assert_healthy $before
    }

    test "A megabyte of garbage on the TLS port closes the connection" {
        expr {srand(42)}
        set garbage ""
        for {set i 0} {$i < 250000} {incr i} { append garbage [binary format i [expr {int(rand() * 4294967296) - 2147483648}]] }
        foreach first [list "" "\x16\x03\x01" "\x16\x03\x01\x02\x00\x01" "\x17\x03\x03\x40\x00" "\x80\x2e\x01"] {
            set c [resp::connect -port [srv tls_port]]
            catch {$c write $first$garbage}
            # An alert or the error text may come first; then the end.
            wait_until 1 10 { catch {$c read_available}; $c eof }
            $c close
        }
        assert_healthy $before
    }

    test "Garbage inside an established connection" {
        for {set i 0} {$i < 10} {incr i} {
            set port [relay::start [srv tls_port] {}]
            set c [resp::connect -port $port -tls 1 -tls_options [tls_client_options]]
            assert_equal PONG [$c ping]
            set upstream [lindex $relay::links end]
            puts -nonewline $upstream [lindex [list "\x17\x03\x03\x00\x20[string repeat g 32]" \
                "PING\r\n" "\x15\x03\x03\x00\x02\x02\x28" [string repeat \x00 100]] [expr {$i % 4}]]
            flush $upstream
            $c timeout 5000
            catch {$c send ping}
            assert_equal 1 [catch {$c read}]
            $c close
            relay::cut_all
        }
        assert_healthy $before
    }

    test "Clients that vanish without a close_notify, in the middle of a pipeline" {
        r set big [string repeat b 100000]
        for {set i 0} {$i < 20} {incr i} {
            set port [relay::start [srv tls_port] {}]
            set c [resp::connect -port $port -tls 1 -tls_options [tls_client_options] -deferred 1]
            for {set j 0} {$j < 50} {incr j} { $c get big }
            if {$i % 2} { catch {$c read} }
            relay::cut_all
            $c close
        }
        assert_healthy $before
    }

    test "valkey#4307: large replies to clients that reset their connection" {
        r set huge [string repeat h 20000000]
        for {set i 0} {$i < 6} {incr i} {
            set port [relay::start [srv tls_port] {down 300000}]
            set c [resp::connect -port $port -tls 1 -tls_options [tls_client_options] -deferred 1 -timeout 5000]
            catch {$c get huge; $c get huge; $c read}
            catch {$c close}
            relay::cut_all
        }
        r del huge
        assert_healthy $before
    }

    test "Clients killed in the middle of their handshake" {
        set pids {}
        for {set i 0} {$i < 20} {incr i} {
            lappend pids [exec openssl s_client -connect 127.0.0.1:[srv tls_port] </dev/null >/dev/null 2>/dev/null &]
        }
        foreach pid $pids { kill_process $pid KILL }
        assert_healthy $before
    }

    test "Many handshakes that stop half way do not keep others out" {
        set hello [captured_client_hello]
        set half {}
        for {set i 0} {$i < 100} {incr i} {
            set c [resp::connect -port [srv tls_port]]
            $c write [string range $hello 0 [expr {$i % 2 ? "end" : 100}]]
            lappend half $c
        }
        set c [redis_client]
        assert_equal PONG [$c ping]
        $c close
        foreach c $half { $c close }
        assert_healthy $before
    }
}

start_server [list overrides [concat $tls_only {tls-handshake-timeout 300}] tags sluice] {
    test "A handshake that does not go on is closed after tls-handshake-timeout" {
        set hello [captured_client_hello]
        foreach bytes [list "" [string range $hello 0 0] [string range $hello 0 99] $hello] {
            set start [clock milliseconds]
            set c [resp::connect -port [srv tls_port]]
            $c write $bytes
            wait_until 1 5 { catch {$c read_available}; $c eof }
            assert {[clock milliseconds] - $start >= 100}
            $c close
        }
        assert_equal PONG [r ping]
    }

    test "A handshake that goes on too slowly is closed after tls-handshake-timeout" {
        # It takes seconds, unless the server ends it.
        set start [clock milliseconds]
        set c [resp::connect -port [srv tls_port]]
        set is_closed 0
        foreach byte [split [captured_client_hello] ""] {
            if {[set is_closed [catch {$c write $byte}]]} { break }
            resp::pause_ms 20
        }
        assert {$is_closed && [clock milliseconds] - $start >= 100}
        $c close
    }
}
